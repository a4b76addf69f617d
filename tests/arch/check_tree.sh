#!/bin/sh
# SPDX-License-Identifier: MIT
# check_tree.sh RULE TREE: one rule of the tree's shape; prints each violation, exit 1 when any.
#   includes  each #include of lib/ and tools/ against includes.table
#   spdx      each source, script and CMake file says its license in the first two lines
#   length    no source file is longer than 800 lines
#   format    clang-format-14 would change nothing (77 where it isn't installed)
set -u
here=$(cd "$(dirname "$0")" && pwd)
rule=$1
cd "$2" || exit 2

c_files() { find lib tools kernels tests -type f \( -name '*.[ch]' -o -name '*.hip' -o -name '*.cpp' \); }

source_files() {
    c_files
    find lib tools kernels tests .ci -type f \( -name '*.def' -o -name '*.inc' -o -name '*.sh' -o \
        -name '*.awk' -o -name '*.cmake' -o -name '*.py' -o -name CMakeLists.txt -o -path '.ci/*' \)
    find tools -maxdepth 1 -type f ! -name '*.sh' ! -name CMakeLists.txt
    echo CMakeLists.txt
}

includes() {
    find lib tools -type f \( -name '*.[ch]' -o -name '*.def' -o -name '*.inc' \) | sort |
        xargs awk -f "$here/check_includes.awk" "$here/includes.table" || return 1
}

spdx() {
    source_files | sort -u | while read -r file; do
        head -n 2 "$file" | grep -q 'SPDX-License-Identifier: MIT' || echo "$file: no SPDX line"
    done | fail_on_output
}

length() {
    source_files | sort -u | while read -r file; do
        lines=$(wc -l <"$file")
        [ "$lines" -le 800 ] || echo "$file: $lines lines, more than 800"
    done | fail_on_output
}

format() {
    command -v clang-format-14 >/dev/null || { echo "clang-format-14: not installed"; exit 77; }
    c_files | sort | xargs clang-format-14 --style=file --dry-run --Werror || return 1
}

fail_on_output() {
    awk '{ print } END { exit NR > 0 }'
}

case $rule in
includes | spdx | length | format) "$rule" ;;
*) echo "no rule $rule" >&2; exit 2 ;;
esac
