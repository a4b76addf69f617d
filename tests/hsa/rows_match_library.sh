#!/bin/sh
# SPDX-License-Identifier: MIT
# rows_match_library.sh DEF...: the files of rows.
# Each function that the installed libhsa-runtime64 exports has a row, each REQUIRED row is exported.
# A newer runtime has functions that no row knows yet; those are listed but fail only on 5.2.
set -eu
library=$(ldconfig -p | awk '/libhsa-runtime64\.so\.1 /{print $NF; exit}')
[ -n "$library" ] || library=/opt/rocm/lib/libhsa-runtime64.so.1
[ -e "$library" ] || { echo "no libhsa-runtime64: skipped"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

nm -D --defined-only "$library" | awk '{sub(/@.*/, "", $3); if ($3 ~ /^hsa_/) print $3}' |
    sort -u >"$work/exported"
awk '/EXTENSION,/ { next }
     /^HSA_(STATUS|VALUE|VOID)/ && match($0, /hsa_[a-z0-9_]+,/) {
         while (match($0, /(REQUIRED|OPTIONAL|LATER), */)) {
             need = substr($0, RSTART, index(substr($0, RSTART), ",") - 1); rest = substr($0, RSTART + RLENGTH); break }
         sub(/^[a-z0-9_]+_t, /, "", rest); sub(/,.*/, "", rest); print rest, need }' "$@" \
    >"$work/rows"
cut -d' ' -f1 "$work/rows" | sort >"$work/names"
awk '$2 == "REQUIRED" {print $1}' "$work/rows" | sort >"$work/required"

[ -s "$work/exported" ] || { echo "no symbol read from $library"; exit 1; }
twice=$(uniq -d "$work/names")
[ -z "$twice" ] || { echo "rows given twice: $twice"; exit 1; }
lost=$(comm -23 "$work/required" "$work/exported")
[ -z "$lost" ] || { echo "REQUIRED but not in $library:"; echo "$lost"; exit 1; }
unknown=$(comm -13 "$work/names" "$work/exported")
echo "$(wc -l <"$work/names") rows, $(wc -l <"$work/exported") exported functions"
if [ -n "$unknown" ]; then
    echo "without a row:"
    echo "$unknown"
    case $(readlink -f "$library") in
    *.so.1.5.*) exit 1 ;;
    esac
fi
