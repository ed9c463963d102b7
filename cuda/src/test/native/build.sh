#!/usr/bin/env bash
# Builds the simulated CUDA device into target/simulated. Called by Maven before the tests of cuda/.
set -euo pipefail
unset CDPATH # or `cd` goes elsewhere
cd -- "$(dirname -- "$0")"

fail() {
  echo "$1" >&2
  exit 1
}
if [ "$(uname -m)" != x86_64 ]; then
  exit 0 # the tests say that it is not there
fi
command -v cmake >/dev/null ||
  fail "CMake is missing: install it (Debian, Ubuntu: apt-get install cmake) and build again."
command -v "${CXX:-c++}" >/dev/null || command -v g++ >/dev/null ||
  fail "A C++ compiler is missing: install g++ (Debian, Ubuntu: apt-get install g++) and build again."
if command -v ninja >/dev/null; then
  generator="Ninja"
elif command -v make >/dev/null; then
  generator="Unix Makefiles"
else
  fail "Neither Ninja nor Make is there: install one (Debian, Ubuntu: apt-get install ninja-build) and build again."
fi

target="$(cd ../../.. && pwd)/target/simulated"
build="$target/cmake"

# A build folder of another generator, or of a checkout that moved, cannot be reused.
if [ -f "$build/CMakeCache.txt" ] &&
  ! { grep -qxF "CMAKE_GENERATOR:INTERNAL=$generator" "$build/CMakeCache.txt" &&
    grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "$build/CMakeCache.txt"; }; then
  rm -rf "$build"
fi

mkdir -p "$build"
log="$build/build.log" # shown only when something fails
cmake -S . -B "$build" -G "$generator" -DCMAKE_BUILD_TYPE=Release \
  -DADJOINT_LIBRARY_DIR="$target" >"$log" 2>&1 || {
  cat "$log" >&2
  fail "CMake could not configure the simulated device (messages above)."
}
cmake --build "$build" --parallel >"$log" 2>&1 || {
  cat "$log" >&2
  fail "The simulated device did not compile (messages above)."
}
