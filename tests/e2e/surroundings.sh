#!/bin/bash
# SPDX-License-Identifier: MIT
# surroundings.sh NAME PROGRAM: runs PROGRAM (the dispatch test) in a place that is short of
# something. The preload comes by the environment.
set -u
name=$1
program=$2
skip() { echo "skipped: $*"; exit 77; }

case $name in
one_cpu) exec taskset -c 0 "$program" ;;
address_space)
    # The VRAM's size counts, twice where the device keeps a mapping of its own.
    ulimit -v $((12 * 1024 * 1024)) || exit 1
    HSAPROBE_SOFT_VRAM=1G exec "$program"
    ;;
few_files)
    ulimit -n 64 || exit 1
    exec "$program"
    ;;
small_shm)
    unshare --mount true 2>/dev/null || skip "no right to mount"
    # shellcheck disable=SC2016 # $0 is the inner shell's
    exec unshare --mount sh -c 'mount -t tmpfs -o size=64k tmpfs /dev/shm && exec "$0"' "$program"
    ;;
no_shm)
    unshare --mount true 2>/dev/null || skip "no right to mount"
    # shellcheck disable=SC2016 # $0 is the inner shell's
    exec unshare --mount sh -c 'mount -t tmpfs -o ro tmpfs /dev/shm && exec "$0"' "$program"
    ;;
nothing_locked)
    ulimit -l 0 || exit 1
    exec "$program"
    ;;
few_threads)
    # Counted for all processes of a user, so by one that has no others; root has no limit.
    [ "$(id -u)" -eq 0 ] || skip "not root"
    as_somebody=(setpriv --reuid 54321 --regid 54321 --clear-groups)
    "${as_somebody[@]}" test -x "$program" || skip "others can't reach $program"
    ulimit -u 16 || exit 1
    exec "${as_somebody[@]}" "$program"
    ;;
idle_priority) exec nice -n 19 taskset -c 0 "$program" ;;
no_home_no_tmp)
    unshare --mount true 2>/dev/null || skip "no right to mount"
    case $program in /tmp/*) skip "the build folder is in /tmp" ;; esac
    # shellcheck disable=SC2016 # $0 is the inner shell's
    exec unshare --mount sh -c 'mount -t tmpfs -o ro tmpfs /tmp && HOME=/nonexistent exec "$0"' \
        "$program"
    ;;
not_root)
    [ "$(id -u)" -eq 0 ] || exec "$program"
    as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
    "${as_nobody[@]}" test -x "$program" || skip "nobody can't reach $program"
    exec "${as_nobody[@]}" "$program"
    ;;
debugger)
    command -v gdb >/dev/null || skip "no gdb"
    preload=$LD_PRELOAD
    unset LD_PRELOAD
    output=$(gdb -nx -batch -ex "set environment LD_PRELOAD $preload" \
        -ex 'set environment HSAPROBE_SOFT_DOORBELL spin' -ex run "$program" 2>&1 </dev/null)
    echo "$output"
    grep -q 'exited normally' <<<"$output" && ! grep -q 'SIGSEGV' <<<"$output"
    ;;
*) echo "no surroundings $name" >&2; exit 2 ;;
esac
