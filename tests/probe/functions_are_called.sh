#!/bin/sh
# SPDX-License-Identifier: MIT
# functions_are_called.sh LIBRARY OBJECTS: each public function is called by at least one of the
# tests, whose object files lie below the directory OBJECTS.
set -eu
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
nm -D --defined-only "$1" | awk '$2 == "T" && $3 ~ /^hsp_/ && $3 !~ /@HSAPROBE_PRIVATE$/ {
    sub(/@.*/, "", $3); print $3 }' | sort -u >"$work/public"
[ "$(wc -l <"$work/public")" -gt 100 ] || { echo "no symbols read from $1"; exit 1; }
find "$2" -name '*.o' -exec nm --undefined-only {} + 2>/dev/null | awk '$2 ~ /^hsp_/ {print $2}' |
    sort -u >"$work/called"
missing=$(comm -23 "$work/public" "$work/called")
[ -z "$missing" ] || { echo "no test calls:"; echo "$missing"; exit 1; }
echo "$(wc -l <"$work/public") functions, each called by a test"
