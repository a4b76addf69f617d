#!/bin/sh
# SPDX-License-Identifier: MIT
# bench dispatch: HSA and HIP, hot and from idle, and the idle process. bench softgpu. bench library.
. "$(dirname "$0")/cli.sh"
run bench dispatch --samples 100 --idle-samples 5 --seconds 1 --format json
[ "$code" -eq 0 ] || complain "exit code $code"
for what in 'HSA round trip, hot' 'HSA round trip, from idle' 'HIP launch + synchronize, hot' \
    'HIP launch + synchronize, from idle' 'HIP launch alone, hot'; do
    grep -qF "\"what\": \"$what\"" stdout || complain "no row $what"
done
percent=$(sed -n 's/.*"idle_cpu_percent": \([0-9.]*\).*/\1/p' stdout)
[ -n "$percent" ] && [ "${percent%%.*}" -lt 20 ] ||
    complain "an idle process uses '$percent' percent of a processor"

# bench softgpu: no device, no ROCr; one row per name and interpreter.
if [ -x "$(dirname "$HSAPROBE")/hsaprobe-softgpu-bench" ]; then
    run bench softgpu --rounds 1 --isa v2 --only s_nop --format json
    [ "$code" -eq 0 ] || complain "bench softgpu: exit code $code"
    [ "$(grep -c '"name": "s_nop"' stdout)" -eq 1 ] || complain "bench softgpu: not one row s_nop"
    median=$(sed -n 's/.*"median": \([0-9.]*\).*/\1/p' stdout)
    [ -n "$median" ] && [ "$median" != 0.0 ] || complain "bench softgpu: a median of '$median'"
    run bench softgpu --rounds 1 --isa v2 --only vector_add
    [ "$code" -eq 0 ] || complain "bench softgpu: exit code $code for a whole kernel"
    grep -q 'kernels -O0.*vector_add' stdout || complain "bench softgpu: no -O0 kernel"
    refuse 2 "'v7' is no list" bench softgpu --rounds 1 --isa v7
fi
# bench library: every case beside raw code, with what the library promises.
run bench library --rounds 3 --format json
[ "$code" -eq 0 ] || complain "bench library: exit code $code"
for what in 'a call, recording off' 'a call, counters, less timer reads' \
    'a call, events, less timer reads' 'a packet, 64 with one doorbell' \
    'kernarg block: acquire, release' 'signal: acquire, release'; do
    grep -qF "\"what\": \"$what\"" stdout || complain "bench library: no row $what"
done
[ "$(grep -cE '"ours_ns": [0-9.]*[1-9]' stdout)" -eq 7 ] || complain "bench library: a time is missing"
finish
