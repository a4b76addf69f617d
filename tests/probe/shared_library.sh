#!/bin/sh
# SPDX-License-Identifier: MIT
# libhsaprobe.so starts with libc, comgr, libelf, zlib and zstd alone (libhsa-runtime64 is opened at
# run time), has a SONAME, and exports exactly the functions that its headers declare, and what the HSA runtime
# looks for in a tool.
set -eu
library=$1
headers=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

readelf -d "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' >"$work/needed"
extra=$(grep -vE '^(libc\.so\.6|libm\.so\.6|ld-linux.*|libamd_comgr\.so\..*|libelf\.so\.1|libz\.so\.1|libzstd\.so\.1|lib(a|t|ub)san\.so\..*)$' \
    "$work/needed" || true)
[ -z "$extra" ] || { echo "needs more than it should: $extra"; exit 1; }
grep -q '^libelf\.so\.1$' "$work/needed" || { echo "DT_NEEDED was not read"; exit 1; }
readelf -d "$library" | grep -q 'SONAME.*\[libhsaprobe\.so\.0\]' || { echo "wrong SONAME"; exit 1; }

nm -D --defined-only "$library" | awk '$2 ~ /[TDBR]/ && $3 !~ /@HSAPROBE_PRIVATE$/ {print $3}' | sed 's/@.*//' | sort -u \
    >"$work/exported"
# Declarations as the preprocessor sees them, so that those made by macros count too.
echo '#include <hsaprobe/hsaprobe.h>' | ${CC:-cc} -E -P -I"$headers/.." - |
    grep -oE '\bhsp_[a-z0-9_]+ *\(' | grep -oE 'hsp_[a-z0-9_]+' | sort -u >"$work/declared"
sed -i '/^hsp_status$/d' "$work/declared"
printf '%s\n' HSA_AMD_TOOL_PRIORITY OnLoad OnUnload >>"$work/declared"
sort -u -o "$work/declared" "$work/declared"
hidden=$(comm -23 "$work/declared" "$work/exported")
[ -z "$hidden" ] || { echo "declared but not exported: $hidden"; exit 1; }
leaked=$(comm -13 "$work/declared" "$work/exported")
[ -z "$leaked" ] || { echo "exported but not declared: $leaked"; exit 1; }
echo "$(wc -l <"$work/exported") functions; needs $(tr '\n' ' ' <"$work/needed")"
