#!/bin/sh
# SPDX-License-Identifier: MIT
# fuzz.sh PROGRAM LONGEST SEEDS: runs a fuzz target for HSAPROBE_FUZZ_SECONDS (30) and prints what
# it reached, also into reached.txt beside the seeds; on a failure what it says and the input.
set -u
program=$1
longest=$2
seeds=$3
name=$(basename "$program")
[ -n "$(ls "$seeds")" ] || { echo "$name: no seeds"; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/corpus"
# Leaks count: what is opened is closed. The limits catch work out of proportion to the input.
"$program" -max_total_time="${HSAPROBE_FUZZ_SECONDS:-30}" -max_len="$longest" -timeout=20 \
    -rss_limit_mb=3000 -seed=1 -print_final_stats=1 -artifact_prefix="$work/" \
    "$work/corpus" "$seeds" >"$work/log" 2>&1
status=$?
awk -v name="$name" '
    /^INFO: Loaded .* inline 8-bit counters/ { n = $0; sub(/.*\(/, "", n); total += n }
    / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") reached = $(i + 1) }
    /^stat::number_of_executed_units:/ { runs = $2 }
    END { printf "%s: %d runs, %d of %d edges reached (%.0f %%)\n", name, runs, reached, total,
                 total ? 100 * reached / total : 0; exit !(runs > 100 && reached > 20) }
' "$work/log" | tee "$(dirname "$seeds")/$name.reached"
if [ $status -ne 0 ]; then
    grep -v ' cov: ' "$work/log" | tail -n 60
    for input in "$work"/crash-* "$work"/leak-* "$work"/oom-* "$work"/timeout-*; do
        [ -e "$input" ] && { echo "input $(basename "$input"), base64:"; base64 "$input"; }
    done
    exit 1
fi
# awk said whether anything was run at all.
grep -q ': [0-9]\{3,\} runs' "$(dirname "$seeds")/$name.reached"
