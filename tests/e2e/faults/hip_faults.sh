#!/bin/bash
# SPDX-License-Identifier: MIT
# hip_faults.sh PROGRAM: hip_faults with each of its arguments must end as on hardware: with the
# message of ROCr or HIP and by the right signal, and leave no file and no process.
set -um # with job control, so that children in the background take SIGINT
program=$1
folder=$(mktemp -d)
output=$(mktemp)
trap 'rm -rf "$output" "$folder"' EXIT
export TMPDIR=$folder HSAPROBE_HIP_FAULTS=$$
ulimit -c 0

fail() {
    echo "$1"
    cat "$output"
    exit 1
}

# expect_nothing_left WHAT: its processes are known by their environment, whoever their parent is.
expect_nothing_left() {
    local left
    [ -z "$(ls -A "$folder")" ] || fail "$1: left $(ls -A "$folder")"
    left=$(env -u LD_PRELOAD -u HSAPROBE_HIP_FAULTS \
        grep -lzx "HSAPROBE_HIP_FAULTS=$$" /proc/[0-9]*/environ 2>/dev/null)
    [ -z "$left" ] || fail "$1: left processes, $left"
}

# expect WHAT STATUS TEXT...: the output has every text.
expect() {
    local what=$1 wanted=$2 status text
    shift 2
    "$program" "$what" >"$output" 2>&1
    status=$?
    [ $status -eq 77 ] && [ "${HSAPROBE_TEST_DEVICE-}" != soft ] && exit 77
    [ $status -eq "$wanted" ] || fail "$what: exit $status instead of $wanted"
    for text in "$@"; do
        grep -qF "$text" "$output" || fail "$what: no \"$text\""
    done
    expect_nothing_left "$what"
}

# ROCr hears of memory faults by an event only: without interrupts nobody is told, on hardware too.
if [ "${HSA_ENABLE_INTERRUPT-}" != 0 ]; then
    expect null 134 'Memory access fault by GPU node-1' 'on address (nil). Reason: Page not present' \
        'of lane 0 at 0 at _Z5storePj+0x'
    expect read_only 134 'Memory access fault by GPU node-1' \
        'Reason: Write access to a read-only page.' 'write to read-only memory (store) of lane 0'
    expect out_of_scratch 134 'Memory access fault by GPU node-1' 'Reason: Page not present' \
        'access to unmapped memory' '_Z6deepenj+0x'
fi
expect misaligned 134 'HSA_STATUS_ERROR_MEMORY_APERTURE_VIOLATION' 'code: 0x29' \
    'misaligned access (store) of lane 0'
expect out_of_lds 134 'HSA_STATUS_ERROR_MEMORY_APERTURE_VIOLATION' 'code: 0x29' \
    'access outside the LDS or scratch aperture (store) of lane 0' '_Z10out_of_ldsPj+0x'
expect trap 134 'HSA_STATUS_ERROR_EXCEPTION' 'code: 0x1016' 's_trap 2 at _Z4trapv+0'
expect aborts 134 'HSA_STATUS_ERROR_EXCEPTION' 'code: 0x1016' 's_trap 2 at _Z'
expect illegal 134 'HSA_STATUS_ERROR_ILLEGAL_INSTRUCTION' 'code: 0x2a' \
    'illegal instruction at _Z7illegalv+0'

# Ctrl-C while the host waits for a kernel that never ends.
"$program" forever >"$output" 2>&1 &
until grep -q spinning "$output"; do
    kill -0 $! 2>/dev/null || fail "forever: ended"
    sleep 0.02
done
kill -INT $!
wait $!
[ $? -eq 130 ] || fail "forever: not ended by SIGINT"
expect_nothing_left forever
