#!/bin/sh
# SPDX-License-Identifier: MIT
# readme_example.sh EXAMPLE README: the example has at most 40 lines, and the README shows it as it
# is, indented as code.
set -eu
lines=$(wc -l <"$1")
[ "$lines" -le 40 ] || { echo "$1 has $lines lines"; exit 1; }
awk -v example="$1" '
    BEGIN {
        while ((getline line < example) > 0)
            wanted[++count] = line == "" ? "" : "    " line
    }
    { text[NR] = $0 }
    END {
        for (first = 1; first + count - 1 <= NR; first++) {
            for (i = 1; i <= count && text[first + i - 1] == wanted[i]; i++)
                ;
            if (i > count)
                exit 0
        }
        print "the README has no verbatim copy of " example
        exit 1
    }' "$2"
