#!/bin/sh
# SPDX-License-Identifier: MIT
# layers beyond the usual arms: every arm runs and its device counts what it launched; arms in
# programs of their own; operations; set-up costs; phases.
. "$(dirname "$0")/cli.sh"
golden=$(dirname "$0")/cli_arms_test.golden
quick="--restarts 1 --warmup 0 --rounds 1 --burst 1 --doorbell trap"

# the list is the manual's table
run layers --list
[ "$code" -eq 0 ] || complain "layers --list: exit code $code"
sed -n '/^arms of a launch/,/^$/p' stdout >list
diff -u "$golden" list >stderr || complain "layers --list differs from cli_arms_test.golden"
arms=$(sed '1,2d;/^$/d;s/ .*//' list)

# shellcheck disable=SC2086 # words on purpose
run layers --kernel counter --all-arms --batch 1 $quick --format json -o all.json
[ "$code" -eq 0 ] || complain "--all-arms: exit code $code"
for arm in $arms; do
    grep -q "\"arm\": \"$arm\"" all.json || complain "no arm $arm"
done
# those that run kernels, by what the device counted; the list's fourth column (ioctl, in its own
# process, fails where the device counts another number)
kernels=$(awk 'NR > 2 && $2 != "process" && $4 > 0' list | grep -c .)
[ "$(grep -c '"correct": true' all.json)" -eq "$kernels" ] ||
    complain "not all of $kernels arms were checked and right"
grep -q '"correct": false' all.json && complain "an arm left a wrong result"
grep -q 'unavailable' all.json && complain "an arm is unavailable"
for layer in 'profiling on' 'wrappers recording' 'intercept queue' 'two HIP events'; do
    grep -q "\"layer\": \"$layer\"" all.json || complain "no layer '$layer'"
done

# a choice, in any order; the layer between neighbours of the chain that aren't neighbours here
# shellcheck disable=SC2086
accept 'empty several' layers --kernel empty --arm hip,timer --batch 1 $quick
grep -q '^empty  *hsa ' stdout && complain "an arm that was not chosen"

# what stands on hip after layers beside the chain is no part of the chain
# shellcheck disable=SC2086
accept '= whole launch, arm hip ' layers --kernel empty \
    --arm ring,signal,hsa,hip-module,hip,hip-events --batch 1 $quick
# nor what stands on it directly
# shellcheck disable=SC2086
accept '= whole launch, arm hip ' layers --kernel empty --arm ring,hip,hip-events --batch 1 $quick
# shellcheck disable=SC2086
accept 'empty two HIP events' layers --kernel empty --arm hip,hip-events --batch 1 $quick
grep -q 'what each layer adds' stdout && complain "a table of no layers"

# programs
program=$EXAMPLES/arm_thread
# shellcheck disable=SC2086
accept 'empty thread 0' layers --kernel empty --arm "timer,thread=$program" $quick
# bad COMMAND TEXT: fails with TEXT in the line
bad() {
    # shellcheck disable=SC2086
    refuse 1 "$2" layers --kernel empty --arm "timer,mine=$1" $quick
}
# what answers every question with one line
answer() {
    echo "while read -r line; do echo '$1'; done"
}
# one that doesn't look at its input any more isn't waited for
bad 'echo hello; exec sleep 1000' 'is no JSON object: hello'
bad 'exit 3' 'arm mine: its program did not answer "open": ended with exit code 3'
bad 'kill -9 $$' 'ended by signal 9'
bad 'echo hello; cat >/dev/null' 'is no JSON object: hello'
bad "$(answer '{"error":"no device"}')" 'arm mine: open: no device'
bad "$(answer '{"launches":2}')" 'did not make the 3 launches'
bad "$(answer '{"launches":3,"kernels":2}')" 'it launched 3 and its device counted 2'
bad "$(answer '{"launches":3,"submit":[1,2]}')" '"submit" of its round has 2 numbers, not 1'
bad "$(answer '{"launches":3,"submit":["x"]}')" 'value 0 is no time'

# operations: the arms that there are, and copies whose bytes arrive
# op NAME WORKLOAD ARM...
op() {
    name=$1 workload=$2
    shift 2
    # shellcheck disable=SC2086
    run layers --op "$name" $size $quick --format json -o op.json
    [ "$code" -eq 0 ] || complain "--op $name: exit code $code"
    for arm in timer "$@"; do
        grep -A1 "\"kernel\": \"$workload\"" op.json | grep -q "\"arm\": \"$arm\"" ||
            complain "--op $name: no arm $arm of '$workload'"
    done
}
size='--size 12K'
op alloc 'alloc 12 KiB' ioctl hsa hip
op free 'free 12 KiB' ioctl hsa hip
op host-alloc 'host-alloc 12 KiB' ioctl hsa hip
op register 'register 12 KiB' ioctl hsa hip
op copy 'copy 12 KiB pinned to device' hsa hip
grep -q 'copy 12 KiB pageable from device' op.json || complain "no pageable copy"
size=
op sync sync hsa hip
op event event ioctl hsa hip
op stream stream hsa hip

# before a first launch
run layers --setup --restarts 1 --doorbell trap --format csv -o setup.csv
[ "$code" -eq 0 ] || complain "--setup: exit code $code"
for step in hsa_init queue 'pool memory' signal 'code object read' 'code object loaded' \
    'code object frozen' dispatch hipInit 'HIP stream' 'HIP module' 'HIP launch'; do
    [ "$(grep -c "^setup_costs,.*$step,.*[1-9]" setup.csv)" -ge 1 ] || complain "no costs of $step"
done
# shellcheck disable=SC2086
accept 'empty until the device starts' layers --phases --kernel empty $quick
grep -q 'the kernel .* modelled' stdout || complain "the software GPU's time is not called modelled"

refuse 2 "'nix' is no arm" layers --arm ring,nix
refuse 2 'is no NAME=COMMAND' layers --arm =true
refuse 2 "'hip' is an arm of hsaprobe" layers --arm hip=true
# the chain of an operation begins below HSA
# shellcheck disable=SC2086
accept '= whole launch, arm hip ' layers --op event $quick
grep -q '^event  *driver (ioctls) ' stdout || complain "--op event: no driver in its chain"
grep -q 'what else costs' stdout && complain "--op event: layers beside its chain"
refuse 2 "'nix' is none of launch alloc" layers --op nix
refuse 2 'is no size' layers --op alloc --size 0
refuse 2 '--size belongs to an --op that has sizes' layers --op sync --size 4K
refuse 2 'one of them' layers --op sync --setup
refuse 2 'runs no kernel' layers --op sync --kernel empty
refuse 2 'not with --op' layers --op sync --arm mine=true
finish
