#!/bin/sh
# SPDX-License-Identifier: MIT
# bench dispatch: HSA and HIP, hot and from idle, and the idle process.
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
finish
