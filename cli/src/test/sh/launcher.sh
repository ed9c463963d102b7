#!/usr/bin/env bash
# launcher.sh ROOT CLASS_PATH JDK FOLDER: tests ./adjoint where it is hardest to start. In FOLDER it
# makes a checkout that counts as built, out of the classes of CLASS_PATH, with a blank, a star and
# letters beyond ASCII in its name, and starts it without any locale. Called by LauncherTest.
set -euo pipefail
root="$1"
class_path="$2"
jdk="$3"
folder="$4"

e=$'\303\251' # é in UTF-8
checkout="$folder/a * clone of ${e}l${e}ments"
out="$folder/out.txt"
err="$folder/err.txt"
tests=0
# JUnit does not like links that lead out of its folder.
trap 'rm -rf -- "$checkout" "$folder/absolute" "$folder/-link"' EXIT

# Runs the launcher with an environment that has nothing but what is given, and keeps what it says.
launch() { # the exit code that is expected, variables of the environment…, --, arguments…
  local expected="$1" status=0 environment=()
  shift
  while [ "$1" != -- ]; do
    environment+=("$1")
    shift
  done
  shift
  tests=$((tests + 1))
  (cd "$folder" && env -i PATH="$PATH" JAVA_HOME="$jdk" HOME="$folder/nowhere" "${environment[@]}" \
    "$checkout/adjoint" "$@") >"$out" 2>"$err" </dev/null || status=$?
  if [ "$status" != "$expected" ]; then
    fail "exit code $status instead of $expected of: ${environment[*]} adjoint $*"
  fi
}

fail() {
  printf 'launcher.sh: %s\n' "$1"
  cat "$out" "$err"
  exit 1
}

says() { # file, text
  grep -qF -- "$2" "$1" || fail "'$2' is not in $1"
}

one_line() {
  [ "$(wc -l <"$err")" = 1 ] || fail "not one line of errors"
}

# ---- Before anything is built ----
texts=cli/src/main/resources/dev/adjoint/cli
bench=benchmarks/src/main/resources/dev/adjoint/benchmarks
help="$texts/help.txt"
mkdir -p "$checkout/$texts" "$checkout/$bench" "$checkout/target"
cp "$root/adjoint" "$root/pom.xml" "$checkout"
cp "$root/$texts"/help*.txt "$checkout/$texts"
cp "$root/$bench/help.txt" "$checkout/$bench"
for argument in -h --help; do
  launch 0 LC_ALL=C -- "$argument"
  cmp -s "$out" "$root/$help" || fail "$argument is not the help"
done
launch 0 LC_ALL=C --
cmp -s "$out" "$root/$help" || fail "the help is not what comes without arguments"
for command in train generate example doctor gpu-bundle; do
  for argument in -h --help; do
    launch 0 LC_ALL=C -- "$command" "$argument"
    cmp -s "$out" "$root/$texts/help-$command.txt" || fail "$command $argument is not its help"
  done
done
launch 0 LC_ALL=C -- --stacktrace train --layers 2 --help --steps
cmp -s "$out" "$root/$texts/help-train.txt" || fail "--help is not found between other arguments"
launch 0 LC_ALL=C -- nonsense --help
cmp -s "$out" "$root/$help" || fail "an unknown command's help is not the help"
launch 0 LC_ALL=C -- bench --quick --help
cmp -s "$out" "$root/$bench/help.txt" || fail "bench --help is not its help"
for command in "" train bench; do
  launch 0 LC_ALL=C -- ${command:+"$command"} --version
  grep -qE '^Adjoint [0-9]+\.[0-9]+' "$out" || fail "no version"
done
launch 1 -- gpu-bundle ""
one_line
launch 1 ADJOINT_GPU_KERNELS=maybe -- doctor
says "$err" "it must be yes or no"
[ -z "$(ls -A "$checkout/target")" ] || fail "something was built"

# ---- As after a build ----
mkdir -p "$checkout/cli/target/lib" "$checkout/cuda"
number=1000
while IFS= read -r entry; do
  if [ -e "$entry" ]; then
    ln -s "$entry" "$checkout/cli/target/lib/$number.jar"
    number=$((number + 1))
  fi
done < <(tr : '\n' <<<"$class_path")
ln -s "$checkout/cli/target/lib/1000.jar" "$checkout/cli/target/adjoint-cli.jar"
# A compiler for GPUs that is there, and kernels that are not.
printf '#!/usr/bin/env bash\nexit 0\n' >"$checkout/cuda/build-kernels.sh"
touch "$checkout/target/launcher.no-kernels"
echo "$checkout" >"$checkout/target/launcher.stamp"

# Whatever a user's shell may have. Without a locale, names of files would not even be readable.
hostile=(LC_ALL=C CDPATH=/:/tmp:"$folder" GREP_OPTIONS=-v TMPDIR="$folder/no such")

launch 0 "${hostile[@]}" -- example
says "$out" "gradient-descent "
launch 0 LANG=C JAVA_HOME=/nowhere PATH="$jdk/bin:$PATH" -- example gradient-descent
launch 0 JAVA_TOOL_OPTIONS=-XX:+UseG1GC "ADJOINT_JAVA_OPTS=-Xmx1g -Dadjoint.threads=1" -- example
launch 2 "${hostile[@]}" -- example nonsense
one_line
says "$err" "spirals"
launch 2 "${hostile[@]}" -- train --data ""
one_line
launch 1 "${hostile[@]}" -- train --data "$folder"/nowhere/"$e"
one_line
says "$err" "no such file"
launch 1 ADJOINT_JAVA_OPTS=-Dadjoint.device=gpu -- example gradient-descent
one_line
says "$err" "use cpu"

if [ ! -e /dev/nvidiactl ] && [ ! -e /dev/dxg ]; then
  launch 0 "${hostile[@]}" -- doctor # makes no kernels; if it did, there would be no project to build
  says "$out" PASS
fi

# Names of files, the text itself and the prompt: written, resumed and read again.
for _ in {1..100}; do
  echo "le caf$e est tr${e}s bon."
done >"$folder/caf$e.txt"
sizes=(--layers 1 --heads 1 --channels 8 --context 8 --batch 2 --sample-length 0 --eval-batches 1)
launch 0 "${hostile[@]}" -- train --data "caf$e.txt" --out "r${e}sultats" --steps 4 --stop-at 2 "${sizes[@]}"
launch 0 "${hostile[@]}" -- train --resume "r${e}sultats"
says "$out" "r${e}sultats"
launch 0 "${hostile[@]}" -- generate --from "r${e}sultats" --prompt "caf$e" --length 5
says "$out" "caf$e"

# Through links, relative and with a name that looks like an option.
ln -s "$checkout/adjoint" "$folder/absolute"
ln -s absolute "$folder/-link"
(cd "$folder" && env -i PATH="$PATH:." JAVA_HOME="$jdk" LC_ALL=C ./-link example) >"$out" 2>"$err" ||
  fail "it does not start through a link"
says "$out" "gradient-descent "

echo "launcher.sh: $tests tests passed"
