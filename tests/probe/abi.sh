#!/bin/sh
# SPDX-License-Identifier: MIT
# abi.sh LIBRARY SIZES EXPECTED: what programs linked with the release that EXPECTED is of rely on is
# still there: symbols with their versions, sizes and offsets of public structs, values of constants.
# New things are fine; new symbols need a version. abi.sh LIBRARY SIZES prints the list for a release.
set -eu
export LC_ALL=C
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
nm -D --defined-only "$1" | awk '$2 ~ /[TDBR]/ && $3 !~ /@HSAPROBE_PRIVATE$/ {print "symbol", $3}' >"$work/symbols"
"$2" >"$work/sizes"
# A struct that begins with its own size may grow.
awk 'FNR == NR { if ($1 == "field" && $2 ~ /\.size$/ && $3 == 0) grows[substr($2, 1, length($2) - 5)]
                 next }
     !($1 == "size" && $3 in grows)' "$work/sizes" "$work/sizes" >"$work/fixed"
sort -u "$work/symbols" "$work/fixed" >"$work/now"
[ $# -eq 2 ] && { cat "$work/now"; exit 0; }

[ "$(wc -l <"$work/symbols")" -gt 100 ] || { echo "no symbols read from $1"; exit 1; }
bare=$(grep -v '@' "$work/symbols" || true)
[ -z "$bare" ] || { echo "without a version: $bare"; exit 1; }
sort -u "$3" >"$work/then"
lost=$(comm -23 "$work/then" "$work/now")
[ -z "$lost" ] || { echo "changed or gone since $(basename "$3" .txt):"; echo "$lost"; exit 1; }
echo "$(wc -l <"$work/then") things as they were, $(comm -13 "$work/then" "$work/now" | wc -l) new"
