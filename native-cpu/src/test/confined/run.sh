#!/usr/bin/env bash
# Runs the packaged library (mvn package) where something is confined: a cache on a file system
# without execution, a cache below another user's folder, a container with little memory. What this
# machine does not allow to set up is named and left out.
set -euo pipefail
cd "$(dirname "$0")/../../../.."

java=""
for home in "${JAVA_HOME:-}" /usr/lib/jvm/* "${HOME:-/nowhere}"/.sdkman/candidates/java/* \
  "${HOME:-/nowhere}"/.jdks/*; do
  if grep -qsE '^JAVA_VERSION="(2[5-9]|[3-9][0-9])' "$home/release"; then
    java="$home/bin/java"
    break
  fi
done
[ -n "$java" ] || { echo "No JDK 25 or newer found." >&2; exit 1; }
jars="$(find java-api/target native-cpu/target -maxdepth 1 -name 'adjoint-*.jar' |
  grep -vE 'sources|javadoc|tests' | paste -sd:)"
[[ "$jars" == *api*:* || "$jars" == *:*api* ]] || { echo "The jars are missing: run mvn package first." >&2; exit 1; }

work="$(mktemp -d)"
groups=()
clean() {
  for group in "${groups[@]}"; do
    rmdir "$group" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap clean EXIT

program() {
  "$java" --enable-native-access=ALL-UNNAMED -cp "$jars" \
    native-cpu/src/test/confined/Confined.java "$@"
}
export java jars
export -f program

# Runs a program and looks for words in what it says.
expect() { # what, words, command…
  local what="$1" words="$2" output
  shift 2
  if ! output="$("$@" 2>&1)"; then
    printf '%s\nFAILED: %s\n' "$output" "$what" >&2
    exit 1
  fi
  if ! grep -qF "$words" <<<"$output"; then
    printf '%s\nFAILED: %s: no "%s" in the output above\n' "$output" "$what" "$words" >&2
    exit 1
  fi
  echo "ok: $what"
}

mkdir -m 700 "$work/cache"
XDG_CACHE_HOME="$work/cache" expect "a cache of the user's own" "loaded from $work/cache" program
XDG_CACHE_HOME="$work/cache" expect "a cache that is there" "loaded from $work/cache" program

mkdir -m 777 "$work/open"
XDG_CACHE_HOME="$work/open/cache" expect "a cache below a folder open to all" \
  "in memory, because" program

# No room for files at all: the message names the ways out.
refused() {
  ulimit -f 8
  export JDK_JAVA_OPTIONS="-XX:-UsePerfData"
  ! program
}
export -f refused
XDG_CACHE_HOME="$work/open/cache" expect "neither a cache nor memory" \
  "XDG_CACHE_HOME in the environment names another folder for it, -Dadjoint.native.path one that" \
  bash -euc refused

if [ "$(id -u)" = 0 ]; then
  mkdir "$work/foreign"
  mkdir -m 700 "$work/foreign/cache"
  chown 65534 "$work/foreign"
  XDG_CACHE_HOME="$work/foreign/cache" expect "a cache below another user's folder" \
    "belongs to another user" program
else
  echo "left out: a cache below another user's folder (needs root)"
fi

noexec() {
  mount -t tmpfs -o noexec none "$1"
  XDG_CACHE_HOME="$1" program
}
export -f noexec
mkdir "$work/noexec"
if unshare -m mount -t tmpfs -o noexec none "$work/noexec" 2>/dev/null; then
  expect "a cache on a file system without execution" "noexec" \
    unshare -m bash -euc 'noexec "$1"' _ "$work/noexec"
else
  echo "left out: a cache on a file system without execution (mount is not allowed)"
fi

# A control group with so little memory and no swap; prints its folder, or nothing.
memory_group() { # bytes
  local group
  if [ -d /sys/fs/cgroup/memory ]; then
    group="/sys/fs/cgroup/memory/adjoint-test-$$"
    mkdir "$group" && echo "$1" >"$group/memory.limit_in_bytes" || return 0
    { echo "$1" >"$group/memory.memsw.limit_in_bytes"; } 2>/dev/null || true
  else
    group="/sys/fs/cgroup/adjoint-test-$$"
    mkdir "$group" && echo "$1" >"$group/memory.max" || return 0
    { echo 0 >"$group/memory.swap.max"; } 2>/dev/null || true
  fi
  echo "$group"
}
in_group() {
  echo $$ >"$1/cgroup.procs"
  program fill
}
export -f in_group
group="$(memory_group $((400 << 20)) 2>/dev/null)"
if [ -n "$group" ]; then
  groups+=("$group")
  expect "a container of 400 MiB" "alive: " bash -euc 'in_group "$1"' _ "$group"
else
  echo "left out: a container of 400 MiB (control groups are not writable)"
fi
