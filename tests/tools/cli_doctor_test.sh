#!/bin/sh
# SPDX-License-Identifier: MIT
# doctor: a line per check, needs no GPU, exits with 0 exactly when kernels can run.
. "$(dirname "$0")/cli.sh"

run doctor --format json
for check in 'HSA runtime' thunk HIP comgr /dev/kfd 'render node' groups driver 'software GPU' \
    LD_PRELOAD tools environment memlock; do
    grep -qF "\"check\": \"$check\"" stdout || complain "no check of $check"
done
if grep -q '"usable": true' stdout; then
    [ "$code" -eq 0 ] || complain "usable, but exit code $code"
else
    [ "$code" -eq 1 ] || complain "not usable, but exit code $code"
fi
grep -q '"level": "fail"' stdout && [ "$code" -eq 0 ] && complain "a failed check, but exit code 0"

# what changes results is named
HSA_TOOLS_LIB=libtool.so AMD_LOG_LEVEL=0 "$HSAPROBE" doctor >stdout 2>stderr
grep -q 'HSA_TOOLS_LIB=libtool.so: a tool stands between' stdout || complain "HSA_TOOLS_LIB unseen"
grep -q 'AMD_LOG_LEVEL=0' stdout || complain "AMD_LOG_LEVEL unseen"
if (ulimit -v 64000000 && "$HSAPROBE" --version >/dev/null 2>&1); then # not under a sanitizer
    (ulimit -v 64000000 && "$HSAPROBE" doctor >stdout 2>stderr)
    grep -q '^address space *warning' stdout || complain "RLIMIT_AS unseen"
fi
finish
