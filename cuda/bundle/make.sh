#!/usr/bin/env bash
# make.sh JDK DIR: lays what Maven has built into one folder that runs on a host without Java and
# without a network. Called by `./adjoint gpu-bundle`.
set -euo pipefail
unset CDPATH # or `cd` prints
root="$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)"
jdk="$1"
bundle="$2"
most_mb=60 # of a million bytes

fail() {
  printf 'gpu-bundle: %s\n' "$1" >&2
  exit 1
}

[ -f "$root/cuda/target/classes/dev/adjoint/cuda/adjoint-cuda13.fatbin" ] ||
  fail "there are no GPU kernels: install nvcc (CUDA 13), or point CUDA_HOME at it, and start again."

# Only what an earlier call made is replaced.
if [ -e "$bundle" ] && [ ! -x "$bundle/run.sh" ] && [ -n "$(ls -A "$bundle")" ]; then
  fail "$bundle is there already and is no bundle; name another folder."
fi
rm -rf "${bundle:?}"/{runtime,lib,tests}
mkdir -p "$bundle/lib" "$bundle/tests/lib"

# java.desktop alone would double the runtime; without it plots are left out. java.xml, 4 MB, would
# only add JUnit's XML to the reports.
"$jdk/bin/jlink" --add-modules java.base,java.logging,java.management,jdk.unsupported \
  --strip-debug --no-header-files --no-man-pages --compress=zip-9 --output "$bundle/runtime"
if command -v strip >/dev/null; then
  find "$bundle/runtime/lib" -name '*.so' -exec strip --strip-unneeded {} +
fi
# For TLS, for other JDKs that look into this one, for archives of classes.
rm -f "$bundle"/runtime/lib/{security/cacerts,security/public_suffix_list.dat,jrt-fs.jar,classlist}

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

# What `train` learns from without --data.
if [ -r "$jdk/lib/src.zip" ]; then
  mkdir "$scratch/src"
  (cd "$scratch/src" && "$jdk/bin/jar" --extract --file "$jdk/lib/src.zip" java.base/java/util)
  "$jdk/bin/jar" --create --file "$bundle/runtime/lib/src.zip" --no-manifest -C "$scratch/src" .
fi

# Takes files out of a jar. They are patterns, hence unquoted.
trim() { # name of the jar, files…
  local jar
  jar="$(echo "$bundle/lib/$1"-[0-9]*.jar)"
  shift
  mkdir "$scratch/jar"
  # shellcheck disable=SC2068
  (cd "$scratch/jar" && "$jdk/bin/jar" --extract --file "$jar" && rm -r $@ &&
    "$jdk/bin/jar" --create --file "$jar" --no-manifest .)
  rm -r "$scratch/jar"
}
for module in cli benchmarks; do
  cp "$root/$module/target"/adjoint-*.jar "$root/$module/target/lib"/*.jar "$bundle/lib"
done
# Who would draw plots.
rm "$bundle"/lib/{xchart,VectorGraphics2D}-*.jar
# JCuda's compilers take more room than all the rest of the jars; only the build needs one. The
# runtime API is not called at all.
trim jcuda-natives 'lib/libJNvPTXCompiler-*' 'lib/libJNvrtc-*' 'lib/libJCudaRuntime-*'
# JMH has other uses for it.
trim commons-math3 org/apache/commons/math3/{fitting,geometry,ml,ode,optim,optimization}
cp -r "$root/cuda/target/test-classes" "$bundle/tests/classes"
for jar in "$root/cuda/target/test-lib"/*.jar; do
  [ -e "$bundle/lib/${jar##*/}" ] || cp "$jar" "$bundle/tests/lib"
done
install -m 755 "$root/cuda/bundle/run.sh" "$bundle/run.sh"

# The files' lengths, not what this file system needs for them.
bytes="$(du -sb --exclude=results "$bundle" | cut -f1)"
size="$((bytes / 1000000)).$((bytes / 100000 % 10)) MB"
[ "$bytes" -lt "$((most_mb * 1000000))" ] ||
  fail "$bundle has become too large: $size; it has to stay below $most_mb MB."
echo "$bundle: $size; copy it to the GPU's host and call run.sh there."
