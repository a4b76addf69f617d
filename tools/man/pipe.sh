#!/bin/sh
# SPDX-License-Identifier: MIT
# pipe.sh OUTPUT FIRST... -- SECOND...: FIRST's output into SECOND's input, and that one's into a
# file, which is there afterwards only if both succeeded.
set -eu
output=$1
shift
: >"$output.in"
first=
count=0
for word in "$@"; do
    count=$((count + 1))
    [ "$word" != -- ] || break
    first="$first '$word'"
done
eval "$first" >"$output.in"
shift "$count"
if "$@" <"$output.in" >"$output.new"; then
    rm "$output.in"
    mv "$output.new" "$output"
else
    rm -f "$output.in" "$output.new"
    exit 1
fi
