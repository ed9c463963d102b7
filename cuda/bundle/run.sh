#!/usr/bin/env bash
# Runs Adjoint on this host's GPU, with the Java of this folder. Needs NVIDIA's driver and cuBLAS.
#
#   run.sh doctor              what is here, and a self-test
#   run.sh test [OPTION…]      the contracts of a backend, on the GPU
#   run.sh bench [OPTION…]     the benchmarks on the GPU, beside PyTorch if python3 has it for a GPU
#   run.sh train [OPTION…]     trains on the GPU; so does every command of ./adjoint
#
# Tests take JUnit's options (--include-classname='.*Step.*'), benchmarks those of ./adjoint bench:
# `run.sh bench --suite gemm --quick` first, for all of it takes much longer than ten minutes.
# Results go to $OUT, or else to results/ beside this script.
#
#   ADJOINT_JAVA_OPTS          more options for the JVM, such as -Dadjoint.cuda.path=/opt/cuda/lib64
set -euo pipefail
unset CDPATH BASH_ENV ENV GLOBIGNORE GREP_OPTIONS # they change what commands do
here="$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)"
out="${OUT:-$here/results}"

# Java reads names of files and arguments in the locale's encoding, which must not be ASCII.
if [ "$(locale charmap 2>/dev/null)" != UTF-8 ]; then
  export LC_ALL=C.UTF-8
fi

# cuBLAS may have come with PyTorch, wherever python3 keeps its packages.
if command -v python3 >/dev/null; then
  VIRTUAL_ENV="${VIRTUAL_ENV:-$(python3 -c 'import sys; print(sys.prefix)' || true)}"
  export VIRTUAL_ENV
fi

# Runs a class of the class path that comes first. Words of ADJOINT_JAVA_OPTS are options, hence
# unquoted.
run_java() {
  local class_path="$1"
  shift
  local -
  set -f # words of ADJOINT_JAVA_OPTS are no patterns of files' names
  # shellcheck disable=SC2086
  "$here/runtime/bin/java" -XX:+UseSerialGC --enable-native-access=ALL-UNNAMED \
    ${ADJOINT_JAVA_OPTS:-} -cp "$class_path" "$@"
}

# How many tests were found, successful or failed.
count() {
  sed -n "s/^\[ *\([0-9]*\) tests $1 *\]\$/\1/p" "$out/test.txt" | grep . || echo 0
}

# What became of the tests, as JSON and as Markdown, from what JUnit printed.
summarize() {
  local machine
  machine="$(run_java "$here/lib/*" dev.adjoint.cli.Main doctor |
    grep -E '^  (driver|cuBLAS|device [0-9])' || true)"
  printf '{"date": "%s", "found": %s, "successful": %s, "failed": %s, "machine": "%s"}\n' \
    "$(date -I)" "$(count found)" "$(count successful)" "$(count failed)" \
    "$(tr -s '\n ' '; ' <<<"$machine" | sed 's/["\\]//g')" >"$out/test.json"
  {
    # shellcheck disable=SC2016
    printf '# The contracts on a GPU, %s\n\n```\n%s\n```\n\n' "$(date -I)" "$machine"
    printf '%s tests, %s successful, %s failed.\n\n' \
      "$(count found)" "$(count successful)" "$(count failed)"
    grep -E '(✘|\[X\])' "$out/test.txt" | sed 's/^[^[:alnum:]]*/- /' || true
  } >"$out/test.md"
}

command="${1:-}"
[ $# -eq 0 ] || shift
case "$command" in
  test)
    # Every case of the kernels' contract, not some.
    mkdir -p "$out"
    ADJOINT_JAVA_OPTS="-Dadjoint.cuda.every=1 ${ADJOINT_JAVA_OPTS:-}"
    run_java "$here/tests/classes:$here/tests/lib/*:$here/lib/*" \
      org.junit.platform.console.ConsoleLauncher execute --disable-banner --disable-ansi-colors \
      --details=tree --scan-class-path="$here/tests/classes" --include-tag=device "$@" |
      tee "$out/test.txt" || status=$?
    summarize
    exit "${status:-0}"
    ;;
  bench)
    peers=()
    if python3 -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
      peers=(--peers pytorch)
    fi
    run_java "$here/lib/*" dev.adjoint.benchmarks.Bench --backends cuda "${peers[@]}" \
      --out "$out" "$@"
    ;;
  "" | -h | --help)
    sed -n '2,14s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    ;;
  *)
    ADJOINT_JAVA_OPTS="-Dadjoint.device=cuda ${ADJOINT_JAVA_OPTS:-}"
    run_java "$here/lib/*" dev.adjoint.cli.Main "$command" "$@"
    ;;
esac
