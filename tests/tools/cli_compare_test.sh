#!/bin/sh
# SPDX-License-Identifier: MIT
# compare: results of layers in both formats, ratios, verdicts and exit codes, and what is refused.
. "$(dirname "$0")/cli.sh"
export HSAPROBE_SOFT_DOORBELL=trap # one thread's work: quick on a busy machine too

run layers --kernel empty --restarts 2 --warmup 0 --rounds 3 --gaps 0,20us --format jsonl -o a.jsonl
[ "$code" -eq 0 ] || complain "layers --format jsonl: exit code $code"
head -n 1 a.jsonl | grep -q '"schema":"hsaprobe-samples","schema_version":1' || complain "no schema"
for key in cpu governor smt kernel page_bytes affinity commit doorbell software; do
    head -n 1 a.jsonl | grep -q "\"$key\":" || complain "the manifest has no $key"
done
head -n 1 a.jsonl | grep -Eq '"library":"libhsa-runtime64[^}]*"build_id":"[0-9a-f]{16}' ||
    complain "no build id of the HSA runtime"
head -n 1 a.jsonl | grep -q '"variable":"HSAPROBE_SOFT_DOORBELL","setting":"trap"' ||
    complain "no variables"
[ "$(grep -c '"kind":"round".*"process":1' a.jsonl)" -gt 50 ] || complain "no second process"
grep -q '"metric":"round trip","gap_ns":20000' a.jsonl || complain "no launches after a gap"
tail -n 1 a.jsonl | grep -q '"kind":"end"' || complain "no end line"

# a result is equal to itself, in every format
accept 'empty hip round trip 0.000 measured' compare a.jsonl a.jsonl
grep -q ' 1\.000 .* same$' stdout || complain "the ratio is not 1"
grep -Eq 'pairs, 0 slower' stdout || complain "no count of pairs"
run compare a.jsonl a.jsonl --format csv
head -n 1 stdout | grep -q '^section,key,value,kernel,arm,what,gap_ns,' || complain "csv: no header"
[ "$(grep -c '^pairs,' stdout)" -gt 20 ] || complain "csv: no rows"
accept '"verdict": "same"' compare a.jsonl a.jsonl --format json

# one process can't tell processes from results
run layers --kernel empty --restarts 1 --warmup 0 --rounds 3 --format json -o one.json
accept 'not judged: that takes positive values of two processes' compare one.json a.jsonl
[ "$(grep -c ' same$\| slower$' stdout)" -eq 0 ] || complain "one process was judged"

# made-up results: NAME FACTOR
made() {
    echo '{"schema":"hsaprobe-samples","schema_version":1,"manifest":{"device":"d","cpu":"c"}}'
    for id in 0 1; do
        echo '{"kind":"series","id":'$id',"workload":"w","arm":"arm'$id'","metric":"m","gap_ns":0,'\
'"unit":"ns","source":"measured"}'
    done
    for process in 0 1 2 3; do
        echo '{"kind":"round","series":0,"process":'$process',"round":0,"values":[100'$process'0]}'
        echo '{"kind":"round","series":1,"process":'$process',"round":0,"values":['$1$process'0]}'
    done
    echo '{"kind":"end","rounds":8}'
}
made 200 >before.jsonl
made 260 >after.jsonl
run compare before.jsonl after.jsonl
[ "$code" -eq 3 ] || complain "a regression: exit code $code"
grep -Eq '^w +arm1 .* 1\.29[0-9] .* slower$' stdout || complain "the slower pair is not in the table"
grep -Eq '^w +arm0 .* 1\.000 .* same$' stdout || complain "the other pair is not the same"
run compare after.jsonl before.jsonl
[ "$code" -eq 0 ] || complain "an improvement: exit code $code"
grep -Eq 'arm1 .* faster$' stdout || complain "the faster pair is not in the table"
accept '0 slower' compare before.jsonl after.jsonl --threshold 40
run compare before.jsonl after.jsonl -o kept.txt
[ -s kept.txt ] && [ "$code" -eq 3 ] || complain "a regression leaves no output"

sed 's/"device":"d"/"device":"e"/' after.jsonl >stranger.jsonl
refuse 1 'the results differ in device: "d" and "e"' compare before.jsonl stranger.jsonl
run compare before.jsonl stranger.jsonl --anyway
[ "$code" -eq 3 ] || complain "--anyway: exit code $code"
sed 's/"cpu":"c"/"cpu":"k"/' before.jsonl >elsewhere.jsonl
accept 'warning: cpu differs: "c" and "k"' compare before.jsonl elsewhere.jsonl
sed 's/"schema_version":1/"schema_version":2/' before.jsonl >newer.jsonl
refuse 1 'schema version 2; this hsaprobe reads version 1' compare before.jsonl newer.jsonl
sed 's/"workload":"w"/"workload":"v"/' before.jsonl >other.jsonl
refuse 1 'no arm and metric is in both' compare before.jsonl other.jsonl
refuse 1 'nowhere: No such file' compare nowhere before.jsonl
head -n 5 before.jsonl >short.jsonl
refuse 1 'the file ends early' compare short.jsonl before.jsonl
refuse 1 '/dev/null: the file is empty' compare /dev/null before.jsonl

# two methods: both say something of every layer; whether they agree is the machine's affair
if [ -e "$(dirname "$HSAPROBE")/../lib/libhsaprobe-trace.so" ]; then
    run layers --crosscheck --restarts 1 --warmup 0 --rounds 15 --format csv
    [ "$code" -eq 0 ] || grep -q 'the two methods differ by more than' stderr ||
        complain "--crosscheck: exit code $code"
    [ "$(sed 's/"[^"]*"/quoted/g' stdout | grep -c '^crosscheck,.*\(true\|false\)')" -eq 3 ] ||
        complain "--crosscheck: not three layers"
    # every second slice of ten rounds is recorded, nothing lost: 4 + 8 launches a round
    grep -q 'crosscheck: 240 launches of HIP traced' stdout stderr ||
        complain "--crosscheck: not each launch of every second slice was recorded"
fi

# another suite's number beside ours
run layers --compat hip-tests --restarts 1 --warmup 0 --rounds 3
[ "$code" -eq 0 ] || complain "--compat: exit code $code"
grep -q '^dispatch speed .* hip, back to back ' stdout || complain "--compat: no row"

# the other outputs of layers
run layers --kernel empty --restarts 2 --warmup 0 --rounds 2 --format csv
head -n 1 stdout | grep -q '^section,key,value,' || complain "layers: csv: no header"
grep -q '^arms,' stdout && grep -q '^layers,' stdout || complain "layers: csv: tables are missing"
[ "$(sed 's/"[^"]*"/quoted/g' stdout | awk -F, 'NR == 1 { n = NF } NF != n' | wc -l)" -eq 0 ] ||
    complain "layers: csv: rows of different length"
run layers --kernel empty --restarts 1 --warmup 0 --rounds 2 --format svg -o a.svg
grep -q '</svg>' a.svg && grep -q 'HSA runtime calls' a.svg || complain "layers: no picture"
if command -v xmllint >/dev/null; then
    xmllint --noout a.svg 2>stderr || complain "layers: the picture is not well formed"
fi
finish
