#!/bin/bash
# SPDX-License-Identifier: MIT
# headers.sh INCLUDE HSA_INCLUDE: each public header by itself, twice, as C11, C17, C++11 and C++17,
# with each of the compilers that is there, without a warning. Each function has a comment right
# above it; one of the same name but for the memory order shares that.
set -u
failed=0
count=0
# -idirafter: HSA's own headers are not ours to make warning-free.
check() { # COMPILER LANGUAGE STANDARD HEADER [WARNING]
    printf '#include <hsaprobe/%s>\n#include <hsaprobe/%s>\n' "$4" "$4" |
        "$1" -x "$2" "-std=$3" -Wall -Wextra -pedantic ${5:+"$5"} -Werror -I"$include" -idirafter "$hsa" \
            -fsyntax-only - || { echo "FAILED: $4 with $1 as $3"; failed=1; }
    count=$((count + 1))
}
include=$1 hsa=$2
clang="clang-15"
command -v "$clang" >/dev/null || clang=clang
for path in "$include"/hsaprobe/*.h; do
    header=$(basename "$path")
    for compiler in gcc "$clang"; do
        command -v "$compiler" >/dev/null || continue
        check "$compiler" c c11 "$header" -Wstrict-prototypes
        check "$compiler" c c17 "$header" -Wstrict-prototypes
    done
    for compiler in g++ "${clang/clang/clang++}"; do
        command -v "$compiler" >/dev/null || continue
        check "$compiler" c++ c++11 "$header"
        check "$compiler" c++ c++17 "$header"
    done
done
undocumented=$(awk '
    function family(line) {
        match(line, /hsp_[a-z0-9_]+/)
        line = substr(line, RSTART, RLENGTH)
        return sub(/_(relaxed|acquire|release|acq_rel)$/, "", line) ? line : ""
    }
    FNR == 1 { above = "" }
    /^HSP_API / && above !~ /^\/\/\// && !(family($0) && family($0) == family(above)) {
        print FILENAME ":" FNR ": no comment: " $0
    }
    { above = $0 }' "$include"/hsaprobe/*.h)
[ -z "$undocumented" ] || { echo "$undocumented"; failed=1; }
[ $count -gt 0 ] || { echo "no compiler here"; exit 77; }
echo "$count compilations"
exit $failed
