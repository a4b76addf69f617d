#!/bin/sh
# SPDX-License-Identifier: MIT
# generated_many.sh GENERATE HIPCC ARCH...: 40 random functions from each of 10 seeds, compiled at
# five levels: 2,000 in all; then the math library's functions, on arguments from 5 seeds. What
# differs from the host is printed with its seed and level.
set -u
generate=$1 hipcc=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failures=0
for seed in 101 102 103 104 105 106 107 108 109 110; do
    "$generate" "$seed" 40 >"$scratch/many.cpp" || exit 1
    for level in O0 O1 O2 O3 Os; do
        env -u LD_PRELOAD "$hipcc" "$@" "-$level" -std=c++17 -ffp-contract=off -w -I"$here" \
            "$scratch/many.cpp" -o "$scratch/many" || exit 1
        "$scratch/many"
        code=$?
        [ "$code" -eq 77 ] && exit 77
        [ "$code" -eq 0 ] && continue
        echo "seed $seed at -$level: exit code $code"
        failures=$((failures + 1))
    done
done
for level in O0 O1 O2 O3 Os; do
    env -u LD_PRELOAD "$hipcc" "$@" "-$level" -std=c++17 -ffp-contract=off "$here/math.cpp" \
        -o "$scratch/math" || exit 1
    for seed in 1 2 3 4 5; do
        "$scratch/math" "$seed" && continue
        echo "math, seed $seed at -$level"
        failures=$((failures + 1))
    done
done
[ "$failures" -eq 0 ]
