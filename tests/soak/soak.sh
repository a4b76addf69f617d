#!/bin/bash
# SPDX-License-Identifier: MIT
# soak.sh BUILD MINUTES [SEED]: whole programs at once on the software GPU, for so long, and nothing
# may fail or stay. Takes batches of the tests labelled e2e in a random order, which SEED repeats,
# several at a time; exit 0 when all passed and left no process, zombie or file.
set -u
build=${1:?usage: soak.sh BUILD MINUTES [SEED]}
minutes=${2:?usage: soak.sh BUILD MINUTES [SEED]}
seed=${3:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
build=$(cd "$build" && pwd) || exit 1
jobs=$((2 * $(nproc)))
folder=$build/soak
failures=0

say() { printf 'soak: %s\n' "$*"; }

# Programs of this soak are known by their environment, also when nobody is their parent any more.
export HSAPROBE_SOAK=$$.$seed
TMPDIR=$(mktemp -d) || exit 1 # outside the build, whose name no installed file may hold
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
rm -rf "$folder"
mkdir -p "$folder"

# test_numbers: one line each.
test_numbers() {
    ctest --test-dir "$build" -N -L '^e2e$' -LE '^full$' |
        sed -n 's/^ *Test *#\([0-9]*\): .*/\1/p'
}

# shuffled ROUND: standard input's lines, in the order that seed and round give.
shuffled() {
    awk -v seed="$seed$1" 'BEGIN { srand(seed) } { printf "%.9f %s\n", rand(), $0 }' |
        sort -n | cut -d' ' -f2
}

# ours: processes of this soak other than this script and the commands it runs now.
ours() {
    local environment pid
    for environment in /proc/[0-9]*/environ; do
        pid=${environment#/proc/}
        pid=${pid%/environ}
        [ "$pid" = $$ ] || [ "$pid" = "$BASHPID" ] && continue
        tr '\0' '\n' 2>/dev/null <"$environment" | grep -qx "HSAPROBE_SOAK=$HSAPROBE_SOAK" &&
            echo "$pid $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline")"
    done
    # A zombie has no environment any more: "pid (name) state parent ...".
    cat /proc/[0-9]*/stat 2>/dev/null | awk -v parent=$$ '$3 == "Z" && $4 == parent'
}

# HIP 5.2 never removes the files of its interprocess events.
shared_files() {
    find /dev/shm -mindepth 1 -user "$(id -un)" ! -name 'hip_event*' -printf '%f\n' 2>/dev/null | sort
}

# expect_nothing WHAT TEXT
expect_nothing() {
    [ -z "$2" ] && return
    say "$1: $2"
    failures=$((failures + 1))
}

# run_batch NUMBER,NUMBER,...
run_batch() {
    ctest --test-dir "$build" -j "$jobs" --schedule-random --timeout 300 --output-on-failure \
        -I "0,0,0,$1" >"$folder/batch.log" 2>&1 && return
    failures=$((failures + 1))
    cat "$folder/batch.log"
}

mapfile -t all < <(test_numbers)
[ ${#all[@]} -gt 0 ] || { say "no tests in $build"; exit 1; }
say "seed $seed, ${#all[@]} programs, $jobs at a time, $minutes minutes"
before=$(shared_files)
SECONDS=0
round=0
count=0
while [ $SECONDS -lt $((minutes * 60)) ]; do
    round=$((round + 1))
    mapfile -t order < <(printf '%s\n' "${all[@]}" | shuffled $round)
    for ((i = 0; i < ${#order[@]} && SECONDS < minutes * 60; i += 4 * jobs)); do
        batch=("${order[@]:i:4*jobs}")
        run_batch "$(IFS=, && echo "${batch[*]}")"
        count=$((count + ${#batch[@]}))
        expect_nothing "processes left" "$(ours)"
        expect_nothing "files left" "$(find "$TMPDIR" -mindepth 1 -print)"
        find "$TMPDIR" -mindepth 1 -delete # each is counted once
        [ $failures -lt 10 ] || break 2
    done
done
# Files that other programs of this machine have there for a moment are gone when looked at again.
left=$(comm -13 <(echo "$before") <(shared_files))
if [ -n "$left" ]; then
    sleep 10
    left=$(comm -12 <(echo "$left") <(shared_files))
fi
expect_nothing "left in /dev/shm" "$left"
say "$count runs in $SECONDS s, $failures failures (seed $seed)"
[ $failures -eq 0 ]
