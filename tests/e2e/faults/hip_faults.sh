#!/bin/bash
# SPDX-License-Identifier: MIT
# hip_faults.sh PROGRAM: hip_faults with each of its arguments must end as on hardware: with the
# message of ROCr or HIP, and by the right signal.
set -um # with job control, so that children in the background take SIGINT
program=$1
output=$(mktemp)
trap 'rm -f "$output"' EXIT
ulimit -c 0

fail() {
    echo "$1"
    cat "$output"
    exit 1
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
}

# ROCr hears of memory faults by an event only: without interrupts nobody is told, on hardware too.
[ "${HSA_ENABLE_INTERRUPT-}" = 0 ] ||
    expect null 134 'Memory access fault by GPU node-1' 'on address (nil). Reason: Page not present' \
        'of lane 0 at 0 at _Z5storePj+0x'
expect trap 134 'HSA_STATUS_ERROR_EXCEPTION' 'code: 0x1016' 's_trap 2 at _Z4trapv+0'
expect illegal 134 'HSA_STATUS_ERROR_ILLEGAL_INSTRUCTION' 'code: 0x2a' 'illegal instruction at _Z7illegalv+0'

# Ctrl-C while the host waits for a kernel that never ends.
"$program" forever >"$output" 2>&1 &
until grep -q spinning "$output"; do
    kill -0 $! 2>/dev/null || fail "forever: ended"
    sleep 0.02
done
kill -INT $!
wait $!
[ $? -eq 130 ] || fail "forever: not ended by SIGINT"
