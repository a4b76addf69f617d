#!/bin/sh
# SPDX-License-Identifier: MIT
# info on the software GPU: says that it is software, in text and JSON, and once why.
. "$(dirname "$0")/cli.sh"

"$HSAPROBE" info --device soft >stdout 2>stderr || complain "info --device soft: exit code $?"
[ -s stderr ] && complain "--device soft: what was asked for needs no line"
head -n1 stdout | grep -q '^hsaprobe info: on gfx90a, software yes, doorbell ' ||
    complain "the first line doesn't say software: $(head -n1 stdout)"
grep -q 'amdgcn-amd-amdhsa--gfx90a' stdout || complain "no ISA"
grep -q '^compute units  *104' stdout || complain "no compute units"
grep -q '(modelled)' stdout || complain "nothing is marked as modelled"

run info --device soft --format json
grep -q '"software": true' stdout || complain "JSON doesn't say software"
grep -q '"cu_count": 104' stdout || complain "JSON has no compute units"
HSAPROBE_SOFT_CUS=8 "$HSAPROBE" info --device soft --format json >stdout
grep -q '"cu_count": 8' stdout || complain "HSAPROBE_SOFT_CUS is ignored"

if [ ! -e /dev/kfd ]; then
    "$HSAPROBE" info >stdout 2>stderr || complain "info: exit code $?"
    [ "$(cat stderr)" = 'hsaprobe: no AMD GPU here (/dev/kfd): running on the software gfx90a GPU' ] ||
        complain "restart: not exactly the one line"
fi

# the user's own preload stays, and a restart that changes nothing doesn't loop
LD_PRELOAD=libm.so.6 "$HSAPROBE" info --device soft >stdout 2>stderr ||
    complain "with LD_PRELOAD: exit code $?"
HSAPROBE_RESTARTED=1 "$HSAPROBE" info --device soft >stdout 2>stderr
[ $? -eq 77 ] || complain "a restart that didn't help goes on"
refuse 1 'nowhere/x' info --device soft -o nowhere/x

# a write that fails in the middle is told once
"$HSAPROBE" info --device soft --format json >/dev/full 2>stderr
[ $? -eq 1 ] || complain "info >/dev/full: exit code"
[ "$(cat stderr)" = 'hsaprobe: standard output: No space left on device' ] ||
    complain "info >/dev/full: not exactly one line"

# a copy without its library says what is missing
mkdir -p alone/bin alone/lib
cp "$HSAPROBE" alone/bin/
cp "$(dirname "$HSAPROBE")"/../lib/libhsaprobe.so* alone/lib/
LD_LIBRARY_PATH=$SCRATCH/alone/lib alone/bin/hsaprobe info --device soft >stdout 2>stderr
[ $? -eq 77 ] || complain "without the software GPU: exit code $?"
grep -q 'libhsaprobe-softgpu.so is not beside' stderr || complain "without the software GPU: no reason"

# a library that is no software GPU: one restart, not a loop
cp alone/lib/libhsaprobe.so.0 alone/lib/libhsaprobe-softgpu.so
LD_LIBRARY_PATH=$SCRATCH/alone/lib timeout 20 alone/bin/hsaprobe info --device soft >stdout 2>stderr
[ $? -eq 77 ] || complain "another library in its place: no end"
grep -q 'restarted with it preloaded, but it is not there' stderr ||
    complain "another library in its place: no reason"

# from a path that LD_PRELOAD would cut in pieces: said, also by doctor
mkdir -p 'a b/bin' 'a b/lib'
cp "$HSAPROBE" 'a b/bin/'
cp "$(dirname "$HSAPROBE")"/../lib/libhsaprobe*.so* 'a b/lib/'
LD_LIBRARY_PATH="$SCRATCH/a b/lib" 'a b/bin/hsaprobe' info --device soft >stdout 2>stderr
[ $? -eq 77 ] || complain "a path with a space: exit code"
grep -q 'LD_PRELOAD takes no path with a space' stderr || complain "a path with a space: no reason"
if [ ! -e /dev/kfd ]; then
    LD_LIBRARY_PATH="$SCRATCH/a b/lib" 'a b/bin/hsaprobe' doctor >stdout 2>stderr
    [ $? -eq 1 ] || complain "doctor calls a software GPU usable that can't be preloaded"
    grep -q 'move this installation' stdout || complain "a path with a space: doctor has no fix"
fi

# a bad variable of the software GPU is the only line: not also what the runtime makes of it
for variable in HSAPROBE_SOFT_DOORBELL HSAPROBE_SOFT_VRAM HSAPROBE_SOFT_TRACE HSAPROBE_SOFT_ISA \
    HSAPROBE_SOFT_WORKERS HSAPROBE_SOFT_CUS; do
    export $variable=nonsense
    refuse 2 "$variable=nonsense: expected" info --device soft
    unset $variable
done

finish
