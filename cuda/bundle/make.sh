#!/usr/bin/env bash
# make.sh JDK DIR: lays what Maven has built into one folder that runs on a host without Java and
# without a network. Called by `./adjoint gpu-bundle`.
set -euo pipefail
root="$(cd -P "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
jdk="$1"
bundle="$2"
most_mib=60

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

# java.desktop alone would double the runtime; without it plots are left out.
"$jdk/bin/jlink" --add-modules java.base,java.logging,java.management,java.xml,jdk.unsupported \
  --strip-debug --no-header-files --no-man-pages --compress=zip-9 --output "$bundle/runtime"
if command -v strip >/dev/null; then
  find "$bundle/runtime/lib" -name '*.so' -exec strip --strip-unneeded {} +
fi

for module in examples benchmarks; do
  cp "$root/$module/target"/adjoint-*.jar "$root/$module/target/lib"/*.jar "$bundle/lib"
done
# JCuda's compilers take more room than all the rest of the jars; only the build needs one.
natives="$(echo "$bundle"/lib/jcuda-natives-*.jar)"
unpacked="$(mktemp -d)"
trap 'rm -rf "$unpacked"' EXIT
(cd "$unpacked" && "$jdk/bin/jar" --extract --file "$natives" &&
  rm -f lib/libJNvPTXCompiler-* lib/libJNvrtc-* &&
  "$jdk/bin/jar" --create --file "$natives" --no-manifest .)
cp -r "$root/cuda/target/test-classes" "$bundle/tests/classes"
for jar in "$root/cuda/target/test-lib"/*.jar; do
  [ -e "$bundle/lib/${jar##*/}" ] || cp "$jar" "$bundle/tests/lib"
done
install -m 755 "$root/cuda/bundle/run.sh" "$bundle/run.sh"

size="$(du -sm --exclude=results "$bundle" | cut -f1)"
[ "$size" -le "$most_mib" ] || fail "$bundle has become too large: $size MiB, more than $most_mib."
echo "$bundle: $size MiB; copy it to the GPU's host and call run.sh there."
