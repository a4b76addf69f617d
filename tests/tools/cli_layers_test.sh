#!/bin/sh
# SPDX-License-Identifier: MIT
# layers: every arm launches the same kernel, its results are checked, and what can't be is said.
. "$(dirname "$0")/cli.sh"
# Its waits don't hang on a second processor being free; the default is tested by itself.
export HSAPROBE_SOFT_DOORBELL=trap

run layers --restarts 2 --warmup 16 --rounds 5 --format json -o layers.json
[ "$code" -eq 0 ] || complain "layers: exit code $code"
for arm in timer ring hsa hip-module hip; do
    grep -q "\"arm\": \"$arm\"" layers.json || complain "no arm $arm"
done
for kernel in empty counter saxpy; do
    [ "$(grep -A3 "\"kernel\": \"$kernel\"" layers.json | grep -c '"launch_count"')" -eq 4 ] ||
        complain "$kernel was not checked in four arms"
done
grep -q '"correct": false' layers.json && complain "a kernel left a wrong result"
grep -q '"doorbell": "auto"' layers.json && complain "the doorbell mode is not pinned"
grep -q 'HIP.s packet is another one' layers.json && complain "HIP's packet differs from ours"
grep -q "HIP's packet was not read" layers.json && complain "HIP's packet was not read"
grep -q '"what": "device on caller"' layers.json || complain "no row for the device on the caller"

# the answer first and in one screen: layers from the top, the whole, the software GPU's own time
accept 'HIP kernel lookup' layers --kernel empty --restarts 1 --warmup 0 --rounds 3
sed -n 3p stdout | grep -q '^what each layer adds' || complain "the layers are not what comes first"
for row in 'HIP runtime .*derived' 'HSA runtime calls .*derived' \
    'packet, doorbell, software GPU .*derived' 'timer .*measured' '= whole launch, arm hip .*measured' \
    'software GPU on this thread .*modelled'; do
    grep -Eq "^empty +$row\$" stdout || complain "the summary has no row '$row'"
done
[ "$(wc -l <stdout)" -le 24 ] || complain "the summary of a kernel is longer than a screen"
grep -q -- '-0\.00' stdout && complain "minus zero"
grep -q 'p99' stdout && complain "details were not asked for"
accept 'p99' layers --kernel empty --restarts 1 --warmup 0 --rounds 3 --details
unset HSAPROBE_SOFT_DOORBELL
if [ "$(nproc)" -gt 1 ]; then
    accept 'doorbell spin' layers --kernel empty --restarts 1 --warmup 0 --rounds 1
fi
accept 'doorbell trap' layers --kernel empty --restarts 1 --warmup 0 --rounds 3 --doorbell trap
export HSAPROBE_SOFT_DOORBELL=trap
"$HSAPROBE" layers --kernel empty --restarts 1 --warmup 0 --rounds 3 >stdout 2>stderr
grep -q 'doorbell trap' stdout || complain "the user's doorbell mode is overridden"

# a limit of time is kept and said
accept 'time was up after' layers --kernel counter --restarts 1 --warmup 0 --rounds 1000000 --seconds 1

# a kernel from a file, with run's words
accept 'as arm ring' layers "$KERNELS/saxpy.hipfb" saxpy --grid 2 --block 64 --arg f32:2 \
    --arg 'f32[128]=iota' --arg 'f32[128]' --arg u32:128 --restarts 1 --warmup 0 --rounds 3 --details
# a wrong result is found, and one that can't be judged isn't called wrong
refuse 1 'argument 0 differs from what arm ring left' layers "$DIFFERS" queue_address --grid 1 \
    --block 1 --arg 'u64[1]' --restarts 1 --warmup 0 --rounds 2 -o wrong.txt
grep -q 'hip-module .* no .*differs' wrong.txt || complain "the wrong result is not in the table"
accept 'not comparable: two runs of arm ring differ' layers "$DIFFERS" clock_now --grid 1 --block 1 \
    --arg 'u64[1]' --restarts 1 --warmup 0 --rounds 2
accept 'HIP launches whole blocks' layers "$KERNELS/saxpy.hipfb" saxpy --global 100 --block 64 \
    --arg f32:2 --arg 'f32[128]=iota' --arg 'f32[128]' --arg u32:100 --restarts 1 --warmup 0 --rounds 3

accept 'seed 7' layers --kernel empty --restarts 1 --warmup 0 --rounds 2 --seed 7 --details

# starts without HIP: a copy whose HIP library can't be opened
mkdir -p alone/bin alone/lib alone/share/hsaprobe/kernels
cp "$HSAPROBE" alone/bin/
cp "$(dirname "$HSAPROBE")"/../lib/libhsaprobe.so* alone/lib/
cp "$(dirname "$HSAPROBE")"/../lib/libhsaprobe-softgpu.so alone/lib/
cp "$KERNELS"/*.hipfb alone/share/hsaprobe/kernels/
LD_LIBRARY_PATH=$SCRATCH/alone/lib alone/bin/hsaprobe layers --kernel empty --restarts 1 --warmup 0 --rounds 2 >stdout 2>stderr ||
    complain "without libhsaprobe-hip.so: exit code $?"
grep -q 'arm hip unavailable: .*libhsaprobe-hip.so' stdout || complain "without HIP: no reason"
rm alone/share/hsaprobe/kernels/empty.hipfb
LD_LIBRARY_PATH=$SCRATCH/alone/lib alone/bin/hsaprobe layers --kernel empty --restarts 1 --warmup 0 --rounds 2 >stdout 2>stderr
[ $? -eq 1 ] || complain "without kernels: exit code $?"
grep -q 'empty.hipfb: No such file' stderr || complain "without kernels: no reason"

refuse 1 'No such file' layers nowhere k --grid 1 --block 1
refuse 2 'nix' layers "$KERNELS/saxpy.hipfb" nix --grid 1 --block 1
refuse 1 'nowhere/o: No such file' layers --kernel empty -o nowhere/o
finish
