#!/bin/sh
# SPDX-License-Identifier: MIT
# map at length: the whole catalogue, HIP's half too; ten runs that count the same; strace's stacks
# beside the recorder for a program on HIP.
. "$(dirname "$0")/cli.sh"
HSAPROBE_SOFT_DOORBELL=spin
export HSAPROBE_SOFT_DOORBELL

run map --device soft --format csv -o result.csv --svg stack.svg
[ "$code" -eq 0 ] || complain "map: exit code $code"
grep -q UNEXPLAINED result.csv && complain "a prediction is neither confirmed nor corrected"
grep -Eq '^operations,,,hip_launch,steady,1,' result.csv || complain "hip_launch isn't one call of HIP"
grep -q '>hip_stream_create_5th<' stack.svg || complain "HIP isn't in the diagram"

run map --only hip --device soft --format json -o hip.json
[ "$code" -eq 0 ] || complain "map --only hip: exit code $code"
for i in 1 2 3 4 5 6 7 8 9; do
    run map --only hip --device soft --format json -o "again$i.json"
    [ "$code" -eq 0 ] || complain "HIP, run $i: exit code $code"
    accept 'no count differs' map --diff hip.json "again$i.json"
done
awk '/"op": "hip_launch"/ { found = 1 } found && /"phase": "steady"/ { right = 1 }
    right && /"(kfd|drm|memory|open|linux)"/ { print }
    right && /"futex"/ { exit }' hip.json >steady
[ "$(wc -l <steady)" -eq 5 ] || complain "no steady row of hip_launch"
grep -Eqv ': (0|null),$' steady && complain "a steady launch asks for something: $(cat steady)"

for i in 0 1 2 3 4 5 6 7 8 9; do
    run map --only hsa --device soft --format json -o "$i.json"
    [ "$code" -eq 0 ] || complain "run $i: exit code $code"
    accept 'no count differs' map --diff 0.json "$i.json"
done

strace -Y -o /dev/null true 2>/dev/null || finish
run map --verify --device soft --format json -o verify.json -- "$HSAPROBE" bench dispatch \
    --samples 20 --idle-samples 2 --seconds 1 --device soft
[ "$code" -eq 0 ] || complain "map --verify: exit code $code"
for kind in madvise mbind; do
    grep -A4 "\"kind\": \"$kind\"" verify.json | grep -q '"coverage": 100.0' ||
        complain "the recorder doesn't see every $kind"
done
finish
