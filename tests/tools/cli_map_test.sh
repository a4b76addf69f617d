#!/bin/sh
# SPDX-License-Identifier: MIT
# map: the catalogue's HSA half, one operation in full, programs, diagrams, differences.
. "$(dirname "$0")/cli.sh"

# field OP PHASE KEY: a value of the table of operations in result.json
field() {
    awk -v op="\"op\": \"$1\"," -v phase="\"phase\": \"$2\"," -v key="\"$3\":" '
        /"predictions":/ { exit }
        index($0, "\"op\":") { found = index($0, op) }
        index($0, "\"phase\":") { right = found && index($0, phase) }
        right && index($0, key) { gsub(/[^0-9nul]/, "", $2); print $2; exit }' result.json
}
# is OP PHASE KEY VALUE
is() {
    [ "$(field "$1" "$2" "$3")" = "$4" ] || complain "$1 $2: $3 is '$(field "$1" "$2" "$3")', not $4"
}

# Queues whose threads spin: with trapped doorbells a first one costs the software GPU system calls.
HSAPROBE_SOFT_DOORBELL=spin
export HSAPROBE_SOFT_DOORBELL
run map --only hsa --device soft --format json -o result.json --svg stack.svg
[ "$code" -eq 0 ] || complain "map: exit code $code"
grep -q '"verdict": "UNEXPLAINED"' result.json && complain "a prediction is neither confirmed nor corrected"
grep -q '"verdict": "confirmed"' result.json || complain "no prediction is confirmed"
grep -q '"doorbell": "spin"' result.json || complain "the doorbell mode isn't printed"

# the steady state: a dispatch asks for nothing, and nothing is executed
for what in kfd drm memory open; do is hsa_dispatch steady "$what" 0; done
if strace -o /dev/null true 2>/dev/null; then
    is hsa_dispatch steady linux 0
    is hsa_wait_active steady linux 0
    [ "$(field hsa_init cold clone)" -ge 1 ] || complain "the event thread's clone isn't counted"
else
    grep -q 'no executed calls: ' result.json || complain "no word about strace"
fi
# what the driver is asked for, and what of the OS: virtual and executed are columns of their own
is hsa_alloc_vram_4M steady kfd 2
is hsa_alloc_vram_4M steady memory 5
is hsa_alloc_vram_64K steady kfd 0
is hsa_queue_set_priority steady kfd 1
is hsa_wait_blocked steady kfd 1
is hsa_queue_create steady kfd 14
is hsa_memory_lock_64K steady kfd 2
grep -A9 '"op": "hsa_signal_create"' result.json | grep -q '"steady_runs": "10 alike"' ||
    grep -A22 '"phase": "steady"' result.json | grep -q '"steady_runs": "10 alike"' ||
    complain "no steady runs are alike"
# each call names who made it and within what
grep -q '"call": "KFD_CREATE_QUEUE"' result.json || complain "ioctls have no names"
grep -q '"caller": "thunk"' result.json || complain "no call is the thunk's"
grep -q '"parent": "hsaKmtCreateQueue"' result.json || complain "calls don't nest"
grep -q '"caller": "emulation"' result.json || complain "emulation's own calls aren't tagged"
grep -q '"thread": "background"' result.json || complain "no background"
grep -q '<svg' stack.svg || complain "no diagram"
grep -q 'ground{fill:#ffffff;fill:var' stack.svg || complain "black for viewers without variables"
for box in program HIP ROCr thunk OS device; do
    grep -q ">$box<" stack.svg || complain "no $box in the diagram"
done

accept 'hsaKmtAllocMemory thunk' map --explain hsa_alloc_vram_4M --device soft
grep -q 'fmm_allocate_device' stdout || complain "--explain has no path"
tr -s ' ' <stdout | grep -q 'steady KFD_ALLOC_MEMORY_OF_GPU os thunk 1 ' || complain "--explain has no tree"
grep -q '^steady KFD_ALLOC_MEMORY_OF_GPU .* libhsa-runtime64.so.* > libhsakmt.so.* hsaKmtAllocMemory ' stdout ||
    complain "--explain has no call path"
grep -Eq '^cold +read ' stdout && complain "the software GPU's own calls have paths"

# differences: none to itself, and the one that is there
accept 'no count differs' map --diff result.json result.json
awk '/"op":/ { op = /"hsa_alloc_vram_4M"/ } /"phase":/ { steady = /"steady",/ }
    op && steady && /"kfd":/ { sub(/2/, "7") } { print }' result.json >changed.json
accept 'kfd 2 7' map --diff result.json changed.json
grep -q '1 counts differ' stdout || complain "not one difference"
# futexes that may be the software GPU's own aren't compared; elsewhere they are
if grep -Eq '"futex": [0-9]' result.json; then
    sed '0,/"futex": [0-9]*,/s//"futex": 99,/' result.json >changed.json
    accept 'no count differs' map --diff result.json changed.json
    grep -q "futexes aren't compared" stdout || complain "no word about futexes"
    sed 's/"software": true/"software": false/' result.json >before.json
    sed 's/"software": true/"software": false/' changed.json >after.json
    accept '1 counts differ' map --diff before.json after.json
fi
# what chance decides is said and no difference: one SET_EVENT of hsa_init, not two
for more in 1 2; do
    awk -v more=$more '/"kfd":/ && !n++ { $2 = $2 + more "," } { print }' result.json >"$more.json"
done
accept 'no count differs' map --diff result.json 1.json
grep -q '1 more by one, which chance decides' stdout || complain "no word about chance"
accept '1 counts differ' map --diff result.json 2.json
refuse 1 'stack.json' map --diff result.json stack.json
echo '{}' >stack.json
refuse 1 'no result of hsaprobe map' map --diff result.json stack.json

# any program
run map --no-strace --device soft --format json -o result.json -- "$HSAPROBE" info --device soft
[ "$code" -eq 0 ] || complain "map of a program: exit code $code"
grep -q '"call": "hsa_init"' result.json || complain "a program's calls aren't counted"
grep -q '"call": "KFD_ACQUIRE_VM"' result.json || complain "a program's ioctls aren't counted"

refuse 1 'nosuchprogram: No such file' map --device soft -- nosuchprogram
# all of a long command line, by strace too
# shellcheck disable=SC2046,SC2016 # words on purpose; the program's own shell counts them
run map --device soft -- sh -c 'echo $# >>words' sh $(seq 100)
[ "$(sort -u words)" = 100 ] || complain "a program lost arguments: $(cat words)"
TMPDIR=$SCRATCH/none
export TMPDIR
if strace -o /dev/null true 2>/dev/null; then
    refuse 1 'none/hsaprobe-strace-' map --device soft -- true
fi
unset TMPDIR
accept 'note: sh ended with code 9' map --device soft --no-strace -- sh -c 'exit 9'
accept 'note: sh was ended by Killed' map --device soft --no-strace -- sh -c 'kill -KILL $$'

# measured, or a note why it can't be
accept 'recorder (preload)' map --selfcost
for way in 'syscall user dispatch' 'seccomp notification' 'seccomp trap'; do
    grep -q "$way" stdout || complain "--selfcost has no $way"
done
refuse 1 'hsaprobe: nofile: No such file or directory' map --diff nofile nofile
refuse 1 'hsaprobe: .: Is a directory' map --diff . .
refuse 2 'is no operation' map --explain nothing
refuse 2 'two results' map --diff result.json
refuse 2 'neither' map --only cuda
refuse 2 'about the catalogue' map --svg x.svg -- true
finish
