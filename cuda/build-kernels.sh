#!/usr/bin/env bash
# Compiles src/main/cuda into the two fatbins that the jar carries, if nvcc is there. Called by Maven.
#
# All files together are one module: each becomes a namespace of one translation unit, whose PTX is
# assembled for each architecture. Drivers before CUDA 13 refuse newer PTX and cubins of a newer ptxas
# than their own; they get the same PTX under the version that CUDA 12.0 introduced, with parameters
# as small as it wants them, and cubins that the PTX compiler in JCuda's natives makes of it: Maven
# says in JCUDA_CLASS_PATH where those are, by hand there are none.
#
#   build-kernels.sh               with ADJOINT_GPU_KERNELS=no: only what need not be compiled
#   build-kernels.sh --find-nvcc   succeeds if there is an nvcc that could compile them
set -euo pipefail
unset CDPATH # or `cd` goes elsewhere
cd -- "$(dirname -- "$0")"

architectures="80 86 89 90 100 120"
architectures_12="80 86 89 90"
oldest=80
oldest_ptx=8.0
# A multiprocessor has 65,536 registers: of 2048 threads each may take 32; of 1536, as there are on
# these, 40.
fewer_threads="86 89 120"

sources="$PWD/src/main/cuda"
shared="$PWD/../native-cpu/src/main/c"
build="$PWD/target/kernels"
output="$PWD/target/classes/dev/adjoint/cuda"

# What an earlier build has left must not go into the jar now.
leave_out() { # why
  echo "$1: this build has no GPU kernels."
  rm -f "$output"/adjoint-cuda1{2,3}.fatbin
  exit 0
}

nvcc=""
for candidate in "${CUDA_HOME:+$CUDA_HOME/bin/nvcc}" /usr/local/cuda/bin/nvcc "$(command -v nvcc || true)"; do
  if [ -n "$candidate" ] && [ -x "$candidate" ]; then
    nvcc="$candidate"
    break
  fi
done
obstacle=""
if [ -z "$nvcc" ]; then
  obstacle="nvcc is not in CUDA_HOME, /usr/local/cuda or PATH"
else
  version="$("$nvcc" --version | sed -n 's/.*release \([0-9]*\)\..*/\1/p')"
  [ "$version" -ge 13 ] || obstacle="$nvcc is of CUDA $version, the kernels need 13"
fi
if [ "${1:-}" = --find-nvcc ]; then
  [ -z "$obstacle" ]
  exit
fi
[ -z "$obstacle" ] || leave_out "$obstacle"
tools="$(dirname "$nvcc")"

# Whatever the fatbins are made of; they are made again only if it changes.
mkdir -p "$build" "$output"
made_of="$({
  "$nvcc" --version
  echo "${JCUDA_CLASS_PATH:-}"
  sha256sum build-kernels.sh src/build/AssemblePtx.java "$sources"/* "$shared/include/kernels.h" "$shared/elementwise.def"
} | sha256sum)"
if [ "$(cat "$build/made-of" 2>/dev/null)" = "$made_of" ] &&
  [ -f "$output/adjoint-cuda12.fatbin" ] && [ -f "$output/adjoint-cuda13.fatbin" ]; then
  exit 0
fi
[ "${ADJOINT_GPU_KERNELS:-yes}" != no ] || leave_out "ADJOINT_GPU_KERNELS is no"
rm -f "$build/made-of"

module="$build/adjoint.cu"
{
  for header in "$sources"/*.cuh; do
    echo "#include \"$header\""
  done
  for source in "$sources"/*.cu; do
    name="$(basename "$source" .cu)"
    echo "namespace adj_${name}_cu {"
    echo "#include \"$source\""
    echo "}"
  done
} >"$module"

"$nvcc" -ptx -arch="compute_$oldest" -std=c++17 -O3 -Werror all-warnings \
  -I "$sources" -I "$shared/include" -I "$shared" -o "$build/adjoint.ptx" "$module"

# Code takes only the address of a list in a parameter, so its size may change afterwards. Where one
# was left as it is, the assembler refuses it.
sed -e "s/^\.version .*/.version $oldest_ptx/" -e '/^\t\.param /s/\[32760\]$/[4096]/' \
  "$build/adjoint.ptx" >"$build/adjoint-$oldest_ptx.ptx"

# Makes of the PTX $1 that of the architecture $2, in the file $3.
specialize() {
  case " $fewer_threads " in
  *" $2 "*) sed 's/^\.maxnreg 32$/.maxnreg 40/' "$1" >"$3" ;;
  *) cp "$1" "$3" ;;
  esac
}

images_12=()
assembling=""
if [ -n "${JCUDA_CLASS_PATH:-}" ] && [ "$(uname -m)" = x86_64 ]; then
  outputs=()
  for architecture in $architectures_12; do
    image="$build/adjoint-12-sm_$architecture"
    specialize "$build/adjoint-$oldest_ptx.ptx" "$architecture" "$image.ptx"
    outputs+=("$image.ptx" "sm_$architecture" "$image.cubin")
    images_12+=("--image3=kind=elf,sm=$architecture,file=$image.cubin")
  done
  # JCuda unpacks its library into the folder for temporary files.
  "${JAVA:-java}" -Djava.io.tmpdir="$build" -cp "$JCUDA_CLASS_PATH" src/build/AssemblePtx.java \
    "${outputs[@]}" >"$build/assemble.log" 2>&1 &
  assembling=$!
else
  # Assembling it proves that it keeps to that version.
  "$tools/ptxas" -arch="sm_$oldest" -O0 -o "$build/proof.cubin" "$build/adjoint-$oldest_ptx.ptx"
fi
images_12+=("--image3=kind=ptx,sm=$oldest,file=$build/adjoint-$oldest_ptx.ptx")

images_13=()
for architecture in $architectures; do
  image="$build/adjoint-sm_$architecture"
  specialize "$build/adjoint.ptx" "$architecture" "$image.ptx"
  images_13+=("--image3=kind=elf,sm=$architecture,file=$image.cubin")
done
# As many at once as there are processors.
for architecture in $architectures; do
  echo "$architecture"
done | xargs -P "$(nproc)" -I{} "$tools/ptxas" -arch=sm_{} -O3 --warning-as-error \
  -o "$build/adjoint-sm_{}.cubin" "$build/adjoint-sm_{}.ptx"
images_13+=("--image3=kind=ptx,sm=$oldest,file=$build/adjoint.ptx")
"$tools/fatbinary" -64 --compress-mode=size --create="$output/adjoint-cuda13.fatbin" \
  "${images_13[@]}"

if [ -n "$assembling" ] && ! wait "$assembling"; then
  cat "$build/assemble.log" >&2
  exit 1
fi
# Not compressed: the first of these drivers do not know how to undo it.
"$tools/fatbinary" -64 --compress=false --create="$output/adjoint-cuda12.fatbin" "${images_12[@]}"

echo "$made_of" >"$build/made-of"
