#!/usr/bin/env bash
# Builds the C kernels into target/classes, where the jar takes them from. Called by Maven.
#
#   ADJOINT_CPU_VARIANTS  native: only what this machine runs best; else all instruction-set levels
set -euo pipefail
unset CDPATH # or `cd` goes elsewhere
cd -- "$(dirname -- "$0")"

fail() {
  echo "$1" >&2
  exit 1
}
command -v cmake >/dev/null ||
  fail "CMake is missing: install it (Debian, Ubuntu: apt-get install cmake) and build again."
command -v "${CC:-cc}" >/dev/null || command -v gcc >/dev/null || command -v clang >/dev/null ||
  fail "A C compiler is missing: install gcc (Debian, Ubuntu: apt-get install gcc libc6-dev) and build again."
if command -v ninja >/dev/null; then
  generator="Ninja"
elif command -v make >/dev/null; then
  generator="Unix Makefiles"
else
  fail "Neither Ninja nor Make is there: install one (Debian, Ubuntu: apt-get install ninja-build) and build again."
fi

platform="linux-$(uname -m)"
build="$PWD/target/cmake"
libraries="$PWD/target/classes/dev/adjoint/nativecpu/lib/$platform"

# A build folder of another generator, or of a checkout that moved, cannot be reused.
if [ -f "$build/CMakeCache.txt" ] &&
  ! { grep -qxF "CMAKE_GENERATOR:INTERNAL=$generator" "$build/CMakeCache.txt" &&
    grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "$build/CMakeCache.txt"; }; then
  rm -rf "$build"
fi

variants="${ADJOINT_CPU_VARIANTS:-all}"
case "$variants" in
  all | native) ;;
  *) fail "ADJOINT_CPU_VARIANTS is '$variants'; it must be all or native." ;;
esac

# Libraries that this build does not make may be of other sources: the next build with all of them
# only links them again.
mkdir -p "$build"
if [ "$variants" = native ]; then
  rm -f "$libraries"/libadjoint_*86-64*.so "$libraries"/libadjoint_aarch64*.so
fi
log="$build/build.log" # shown only when something fails
cmake -S . -B "$build" -G "$generator" -DCMAKE_BUILD_TYPE=Release \
  -DADJOINT_LIBRARY_DIR="$libraries" -DADJOINT_VARIANTS="$variants" >"$log" 2>&1 || {
  cat "$log" >&2
  fail "CMake could not configure the C kernels (messages above)."
}
cmake --build "$build" --parallel >"$log" 2>&1 || {
  cat "$log" >&2
  fail "The C kernels did not compile (messages above)."
}
