#!/bin/sh
# SPDX-License-Identifier: MIT
# Each public header compiles by itself as C and, where a compiler is there, as C++, without warnings.
set -eu
include=$1
hsa=$2
for header in "$include"/hsaprobe/*.h; do
    name=hsaprobe/$(basename "$header")
    echo "#include <$name>" | ${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Wstrict-prototypes -Werror \
        -I"$include" -idirafter "$hsa" -fsyntax-only -x c -
    command -v c++ >/dev/null || continue
    echo "#include <$name>" | c++ -std=c++11 -Wall -Wextra -Werror -I"$include" -idirafter "$hsa" \
        -fsyntax-only -x c++ -
done
