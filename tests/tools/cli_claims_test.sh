#!/bin/sh
# SPDX-License-Identifier: MIT
# claims: what user space decides comes out confirmed on the software GPU and refuted by its
# negative control; what hardware decides is tried and not decided.
. "$(dirname "$0")/cli.sh"
user_space='H3 H4 H5 H7 H12 H14 H16 H18'
elsewhere='H1 H6 H8 H10'
# decided by times: on a busy machine their intervals may be too wide, which is said
untimed='H3 H4 H5 H7 H12 H14 H16 H18 H1'
timed='H6 H8 H10 H17'

# verdict ID WORD
verdict() {
    grep -Eq "^$1 +[UKH] +$2 " stdout || complain "$1 is not $2: $(grep "^$1 " stdout | head -1)"
}

accept 'H14 signals U' claims
[ "$(grep -Ec '^H[0-9]+ +[a-z_]+ +[UKH] ' stdout)" -eq 18 ] || complain "not 18 claims are listed"
run claims --format json
grep -q '"mechanism": "the thunk repeats' stdout || complain "JSON has no mechanisms"

run claims run all --quick --device soft
[ "$code" -eq 0 ] || complain "claims run all: exit code $code"
for id in $user_space; do verdict "$id" confirmed; done
for id in $elsewhere; do
    verdict "$id" undecided
    grep -q "^$id .*the mechanics work; deciding needs" stdout || complain "$id: no reason"
done
for id in H2 H9 H11 H13 H15; do grep -q "^$id .*undecided needs" stdout || complain "$id: no needs"; done
# may be without strace, or not allowed to trace
grep -Eq '^H17 +U +(confirmed|undecided (the intervals|strace))' stdout || complain "H17: $(grep ^H17 stdout)"
grep -Eq '^H12 +first stream .* 5.00 +5.00 +5.00 .*= 5' stdout || complain "H12: not the fifth stream"

run claims run all --control --quick --device soft
for id in $untimed; do verdict "$id" refuted; done
for id in $timed; do verdict "$id" '(refuted|undecided (the intervals|strace))'; done

run claims run herd --quick --format json --device soft
grep -q '"verdict": "confirmed"' stdout || complain "JSON has no verdict"
grep -q '"low": 1' stdout || complain "JSON has no interval"

# one that can't be refuted by its control says so by its exit code
accept 'needs hardware' claims run nice --device soft
refuse 2 'no claim' claims run H99
refuse 2 'needs the claims' claims run
refuse 2 'go with run' claims --control
refuse 2 "'H3' where only the word 'run' can stand" claims H3
finish
