#!/bin/sh
# SPDX-License-Identifier: MIT
# Output files are complete or not there; write errors fail.
. "$(dirname "$0")/cli.sh"

run doctor -o report.txt
[ -s report.txt ] || complain "-o wrote nothing"
[ -s stdout ] && complain "-o wrote to standard output too"
[ "$(ls report.txt*)" = report.txt ] || complain "-o left a temporary file"
[ "$(stat -c %a report.txt)" = "$(printf '%o' $((0666 & ~0$(umask))))" ] ||
    complain "-o ignores the umask: $(stat -c %a report.txt)"
run doctor --format json -o report.json
grep -q '"command": "doctor"' report.json || complain "-o with JSON wrote no JSON"

refuse 1 'nowhere/x: No such file or directory' doctor -o nowhere/x
refuse 1 './: Is a directory' doctor -o ./
run doctor -o /dev/full
[ "$code" -eq 1 ] || complain "/dev/full: exit code $code"
grep -q '^hsaprobe: /dev/full: No space left on device$' stderr || complain "/dev/full: no reason"
# in one write and in the middle of many
for words in doctor 'doctor --format json' --version help completion 'help run' 'info --help' \
    'layers --list' 'claims --format json'; do
    $HSAPROBE $words >/dev/full 2>stderr
    code=$?
    [ "$code" -eq 1 ] || complain "$words >/dev/full: exit code $code"
    grep -q '^hsaprobe: standard output: No space left on device$' stderr ||
        complain "$words >/dev/full: no reason"
done

# a failure leaves the file that was there
echo precious >old
run doctor -o old/x
[ "$(cat old)" = precious ] || complain "a failure changed another file"
run run nothing k --grid 1 --block 1 -o old
[ "$(cat old)" = precious ] || complain "a failed command replaced its output"
[ "$(ls old*)" = old ] || complain "a failed command left a temporary file"
finish
