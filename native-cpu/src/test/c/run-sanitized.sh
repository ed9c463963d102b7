#!/usr/bin/env bash
# Builds and runs the C tests outside the JVM: first under AddressSanitizer and
# UndefinedBehaviorSanitizer, then under ThreadSanitizer.
set -euo pipefail
unset CDPATH # or `cd` goes elsewhere
cd -- "$(dirname -- "$0")/../../.."

if ! compgen -G "src/test/c/*.c" >/dev/null; then
  echo "No C tests in native-cpu/src/test/c."
  exit 0
fi

generator="Unix Makefiles"
if command -v ninja >/dev/null; then
  generator="Ninja"
fi

# ThreadSanitizer of older compilers cannot map its shadow memory where address space is
# randomised with many bits; without randomisation it always can.
fixed_addresses=()
if setarch "$(uname -m)" -R true 2>/dev/null; then
  fixed_addresses=(setarch "$(uname -m)" -R)
fi

run() { # name, -fsanitize= value
  local build="target/c-tests-$1"
  echo "C tests, -fsanitize=$2"
  cmake -S . -B "$build" -G "$generator" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DADJOINT_TESTS=ON \
    -DADJOINT_SANITIZE="$2" >"/dev/null"
  cmake --build "$build" --parallel
  "${fixed_addresses[@]}" ctest --test-dir "$build" --output-on-failure
}

export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
export TSAN_OPTIONS="${TSAN_OPTIONS:-halt_on_error=1}"
run address address,undefined
run thread thread
