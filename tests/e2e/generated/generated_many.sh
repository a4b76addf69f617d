#!/bin/sh
# SPDX-License-Identifier: MIT
# generated_many.sh GENERATE HIPCC ARCH...: 40 random functions from each of 12 seeds, compiled at
# five levels: 2,400 in all, and once for the host alone with UBSan; then the math library's
# functions, on arguments from 5 seeds. A function that differs from the host is compiled once more,
# alone and with traces, so that the first expression that differs is printed.
# SEEDS: other seeds.
set -u
generate=$1 hipcc=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failures=0

# build LEVEL SOURCE PROGRAM [OPTION ...]
build() {
    level=$1 source=$2 program=$3
    shift 3
    # shellcheck disable=SC2086 # several words
    env -u LD_PRELOAD "$hipcc" $archs "-$level" -std=c++17 -ffp-contract=off -w \
        "-DLEVEL=\"-$level\"" "$@" -I"$here" "$source" -o "$program" || exit 1
}

# explain SEED LEVEL: what the functions that the log names do by themselves
explain() {
    sed -n 's/^again, .*: generate [0-9]* 1 \([0-9]*\),.*/\1/p' "$scratch/log" | head -n 3 |
        while read -r number; do
            "$generate" "$1" 1 "$number" >"$scratch/alone.cpp"
            build "$2" "$scratch/alone.cpp" "$scratch/alone" -DTRACES
            "$scratch/alone" && echo "function $number agrees when it is alone and traced"
        done
}

archs=$*
clang=$(command -v clang++-15 || command -v clang++)
for seed in ${SEEDS:-101 102 103 104 105 106 107 108 109 110 111 112}; do
    "$generate" "$seed" 40 >"$scratch/many.cpp" || exit 1
    if [ -n "$clang" ]; then
        env -u LD_PRELOAD "$clang" -O1 -std=c++17 -ffp-contract=off -w -DHOST_ONLY \
            -fsanitize=undefined,float-cast-overflow -fsanitize-trap=all -I"$here" \
            "$scratch/many.cpp" -o "$scratch/host" || exit 1
        if ! env -u LD_PRELOAD "$scratch/host"; then
            echo "seed $seed: undefined behaviour on the host"
            failures=$((failures + 1))
        fi
    fi
    for level in O0 O1 O2 O3 Os; do
        build "$level" "$scratch/many.cpp" "$scratch/many"
        "$scratch/many" 2>"$scratch/log"
        code=$?
        [ "$code" -eq 77 ] && exit 77
        [ "$code" -eq 0 ] && continue
        cat "$scratch/log"
        echo "seed $seed at -$level: exit code $code"
        explain "$seed" "$level"
        failures=$((failures + 1))
    done
done
for level in O0 O1 O2 O3 Os; do
    build "$level" "$here/math.cpp" "$scratch/math"
    for seed in 1 2 3 4 5; do
        "$scratch/math" "$seed" && continue
        echo "math, seed $seed at -$level"
        failures=$((failures + 1))
    done
done
[ "$failures" -eq 0 ]
