#!/bin/sh
# SPDX-License-Identifier: MIT
# soft --list: the coverage table, word for word; nothing is missing.
. "$(dirname "$0")/cli.sh"
golden=$(dirname "$0")/cli_list_test.golden

run soft --list
[ "$code" -eq 0 ] || complain "exit code $code"
diff -u "$golden" stdout >stderr || complain "the table is another"
tail -n 1 stdout | grep -q '100\.0 %$' || complain "the last line is no percentage of 100"

run soft --list --format json
grep -q '"encoding": "all",' stdout || complain "no totals in JSON"
grep -q '"mnemonic":' stdout && complain "something is not yet done"

refuse 2 '--list runs no program' soft --list -- true
finish
