#!/bin/sh
# SPDX-License-Identifier: MIT
# counts.sh HSAPROBE FOLDER HIP_FOLDER GROUP: programs that make a known number of calls, under
# `hsaprobe trace`. What is captured equals what was made, exactly.
set -u
hsaprobe=$1 programs=$2 hip_programs=$3 group=$4
calls=$programs/trace_hsa_calls
unset LD_PRELOAD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
file=$work/events.csv

# trace STATUS OPTIONS... -- PROGRAM...: must exit with STATUS.
trace() {
    wanted=$1
    shift
    "$hsaprobe" trace --device soft -o "$file" --lossless "$@" >"$work/out" 2>"$work/summary"
    status=$?
    [ "$status" -eq "$wanted" ] && return
    echo "FAILED: trace $*: exit $status, not $wanted"
    tail -n 5 "$work/out" "$work/summary"
    failures=$((failures + 1))
}

# made WHAT EXPECTED ACTUAL
made() {
    [ "$2" = "$3" ] && return
    echo "FAILED: $1: $3, not $2"
    failures=$((failures + 1))
}

# How many rows have this type and name (a regular expression), and where asked for a device time.
rows() {
    awk -F, -v type="$1" -v name="^\"$2\"\$" -v timed="${3:-}" \
        '$1 == type && $3 ~ name && (!timed || $NF > 0) { n++ } END { print n + 0 }' "$file"
}
# A field of the summary.
summary() {
    awk -v title="$1" 'index($0, title) == 1 { sub(title " *", ""); print $1 }' "$work/summary"
}

load() { rows call hsa_signal_load_relaxed; }

calls_in_processes() {
    trace 0 -- "$calls" load 1000
    made "calls of one thread" 1000 "$(load)"
    made "dropped events" 0 "$(summary 'dropped events')"
    trace 0 -- "$calls" threads 1000 4
    made "calls of four threads" 4000 "$(load)"
    trace 0 -- "$calls" fork 500
    made "calls of a process with a child" 500 "$(load)"
    made "calls of the child" 500 "$(rows call hsa_status_string)"
    made "processes" 2 "$(summary processes)"
    trace 0 -- "$calls" exec 500
    made "calls before and after exec" 1000 "$(load)"
    trace 42 -- "$calls" exit 100
    made "calls before exit" 100 "$(load)"
    trace 134 -- "$calls" abort 100
    made "calls before abort" 100 "$(load)"
    trace 137 -- "$calls" kill 100
    made "calls before SIGKILL" 100 "$(load)"
    trace 139 -- "$calls" crash 100
    made "calls before SIGSEGV" 100 "$(load)"
    trace 0 -- "$calls" system 100
    made "calls of a process and of one that system() started" 200 "$(load)"
    trace 0 -- "$calls" again 100
    made "signals created while the runtime came and went" 300 "$(rows call hsa_signal_create)"
    made "begins of the runtime" 5 "$(rows call hsa_init)"
    trace 0 -- "$calls" daemon 100
    made "processes of a daemon" 2 "$(summary processes)"
    [ "$(grep -c '^note: 1 processes still run' "$work/summary")" -eq 1 ] ||
        made "words about a daemon" "that it still runs" "$(tail -n 1 "$work/summary")"
    trace 127 -- "$work/nothing-here"
    trace 0 -- env -u HSA_TOOLS_LIB "$calls" load 300
    made "calls where the runtime hands out no table" 300 "$(load)"
    HSA_TOOLS_LIB=$programs/libtrace_other_tool.so
    export HSA_TOOLS_LIB
    trace 0 -- "$calls" load 300
    unset HSA_TOOLS_LIB
    made "calls beside another tool" 300 "$(load)"
    grep -q 'other tool: 300 loads' "$work/summary" "$work/out" ||
        made "calls that the other tool saw" 300 none
}

# What is wrong is said before anything runs.
usage() {
    refuse 'no program to run'
    refuse "'gpu' is none of span, hip, hsa, thunk, os, device" --layers gpu true
    refuse '100 is no power of two' --ring 100 true
    refuse 'waits for a reader: not with --at-end' --lossless --at-end true
    refuse "'x' is no number of seconds" --stop-after x true
    refuse "'1Q' is not a size" --limit 1Q true
    refuse "'xml' is none of text, json, chrome, csv, jsonl" --format xml true
    refuse 'needs -o FILE' --format csv true
    refuse "'x' is neither soft nor hw" --device x true
    "$hsaprobe" trace --device hw -o /nowhere/at.all true 2>"$work/summary"
    made "exit code for a file that can't be written" 1 $?
    echo before >"$work/kept.csv"
    file=$work/kept.csv
    trace 127 -- "$work/nothing-here"
    made "the file before a run that failed" before "$(cat "$file")"
    "$hsaprobe" trace --device hw -- sh -c 'exit 7' >"$work/out" 2>&1
    made "the program's exit code" 7 $?
    # as under nohup
    (trap '' HUP INT && exec "$hsaprobe" trace --device hw -- sh -c \
        'kill -HUP $PPID $$ && kill -INT $$; exit 6') >"$work/out" 2>&1
    made "the exit code of a program whose signals are ignored" 6 $?
    "$hsaprobe" trace --device hw -- env >"$work/out" 2>&1
    grep -q '^HSA_TOOLS_ROCPROFILER_V1_TOOLS=1$' "$work/out" ||
        made "the switch that later runtimes need" set unset
    grep -q '^LD_PRELOAD=[^:]*/libhsaprobe-trace.so$' "$work/out" || made LD_PRELOAD set "$(cat "$work/out")"
}

# refuse TEXT OPTIONS...: a usage error that says TEXT.
refuse() {
    text=$1
    shift
    "$hsaprobe" trace "$@" >"$work/out" 2>&1
    made "exit code of trace $*" 2 $?
    grep -qF -e "$text" "$work/out" || made "words of trace $*" "$text" "$(head -n 1 "$work/out")"
}

# memory CALLS: sets $memory to what the command needed for so many.
memory() {
    "$hsaprobe" trace --device soft --lossless --format json -o "$work/memory.json" -- \
        "$calls" load "$1" >"$work/out" 2>&1
    memory=$(awk '$1 == "\"memory_bytes\":" { gsub(",", "", $2); print $2; exit }' \
        "$work/memory.json")
}

# Parts of a run; files that are bounded.
parts() {
    trace 0 --paused -- "$calls" load 1000
    made "calls while paused" 0 "$(load)"
    # shellcheck disable=SC2016 # for the inner shell, which waits until recording is on
    trace 0 --paused -- sh -c 'kill -USR1 $PPID
        while [ "$(od -An -N4 -tu4 "$HSAPROBE_RECORD/session")" -ne 1 ]; do :; done
        exec "$0" load 300' "$calls"
    made "calls after SIGUSR1" 300 "$(load)"
    trace 0 --start-at hsa_signal_load_relaxed:401 -- "$calls" load 1000
    made "calls from the 401st on" 600 "$(load)"
    trace 0 --stop-at hsa_signal_load_relaxed:250 -- "$calls" load 1000
    made "calls up to the 250th" 250 "$(load)"
    trace 0 --layers os -- "$calls" load 1000
    made "HSA calls with the OS alone" 0 "$(load)"
    [ "$(rows call 'ioctl KFD_CREATE_EVENT')" -gt 0 ] || made "ioctls with the OS alone" some none
    trace 0 --names 'hsa_signal_*' -- "$calls" load 1000
    made "calls by name" 1000 "$(load)"
    made "other calls by name" 0 "$(rows call hsa_init)"
    trace 0 -- "$programs/trace_spans" 70
    made "spans of the program's own" 70 "$(rows call step)"
    trace 0 --limit 64K -- "$calls" load 200000
    [ "$(wc -c <"$file")" -le 66000 ] || made "bytes of a bounded file" 65536 "$(wc -c <"$file")"
    made "calls in the summary of a bounded file" 200000 \
        "$(awk '$2 == "hsa_signal_load_relaxed" { print $3 }' "$work/summary")"
    # Hours of calls need no more memory than seconds.
    memory 20000 && few=$memory
    memory 2000000
    [ "$memory" -le $((few + 8 * 1024 * 1024)) ] ||
        made "bytes of memory for 100 times the calls" "$few" "$memory"
    # Without waiting: captured and dropped are all that there were.
    "$hsaprobe" trace --device soft --ring 64 --names hsa_signal_load_relaxed --format json \
        -o "$work/small.json" -- "$calls" load 50000 >"$work/out" 2>&1
    captured=$(awk '$1 == "\"events\":" { gsub(",", "", $2); print $2; exit }' "$work/small.json")
    dropped=$(awk '$1 == "\"dropped\":" { gsub(",", "", $2); print $2; exit }' "$work/small.json")
    [ "${dropped:-0}" -gt 0 ] || made "dropped events of a small ring" some "${dropped:-none}"
    made "captured and dropped calls of a small ring" 50000 $((${captured:-0} + ${dropped:-0}))
    # Nobody reads before the end: a ring keeps what it has room for.
    "$hsaprobe" trace --device soft --at-end --ring 64 --names hsa_signal_load_relaxed -o "$file" \
        -- "$calls" load 2000000 >"$work/out" 2>"$work/summary"
    captured=$(load)
    if [ "$captured" -lt 1 ] || [ "$captured" -gt 64 ]; then
        made "calls read at the end" 64 "$captured"
    fi
    made "captured and dropped calls of a ring read at the end" 2000000 \
        $((captured + $(summary 'dropped events')))
}

# with_memory SIZE SIZE_OF_TMPDIR OPTIONS... -- PROGRAM...: /dev/shm and TMPDIR of these sizes.
with_memory() {
    shm_size=$1 folder_size=$2
    shift 2
    # shellcheck disable=SC2016 # for the inner shell
    unshare -rm sh -c 'mount -t tmpfs -o size="$1" none /dev/shm
        mount -t tmpfs -o size="$2" none "$3" || exit 99
        export TMPDIR="$3" tracer="$4"
        shift 4
        exec "$tracer" trace --device soft "$@"' \
        sh "$shm_size" "$folder_size" "$work/small" "$hsaprobe" "$@" >"$work/out" 2>"$work/summary"
}

# Little shared memory, as containers have.
room() {
    mkdir "$work/small"
    unshare -rm true 2>/dev/null || { echo "no namespaces here"; exit 77; }
    with_memory 1M 64M -- "$calls" load 1000
    made "calls recorded on the other file system" 1000 \
        "$(awk '$2 == "hsa_signal_load_relaxed" { print $3 }' "$work/summary")"
    with_memory 1M 1M -- "$calls" load 1000
    made "exit code without room" 1 $?
    grep -q '^hsaprobe: trace: a recording needs 34 MiB .*/dev/shm has 1 free' "$work/summary" ||
        made "words without room" "what it needs" "$(cat "$work/summary")"
    with_memory 16M 1M -- "$calls" threads 100 8
    made "exit code of a program of which some threads found no room" 0 $?
    grep -q '^note: not recorded: 0 processes, [1-9].* threads: .*: No space left on device' \
        "$work/summary" || made "words about threads" "how many" "$(tail -n 3 "$work/summary")"
    # Their calls are counted as dropped.
    [ "$(summary 'dropped events')" -ge 100 ] ||
        made "dropped calls of these threads" some "$(summary 'dropped events')"
    with_memory 40M 1M -- sh -c 'head -c 39M /dev/zero >/dev/shm/other 2>/dev/null; exec "$@"' sh \
        "$calls" load 10
    made "exit code where room went away" 1 $?
    grep -q '^hsaprobe: trace: nothing was recorded: .*: No space left on device' "$work/summary" ||
        made "words where room went away" "why" "$(tail -n 1 "$work/summary")"
    "$hsaprobe" trace --device soft -- true 2>"$work/summary"
    made "exit code of a program without ROCm" 0 $?
    grep -q '^note: nothing to record: no process loaded' "$work/summary" ||
        made "words about a program without ROCm" "that there is nothing" "$(cat "$work/summary")"
}

# viewable PROGRAM...: what a viewer demands of the file. Only what has times is on a track of the
# device, and HIP's copies on it are packets that may run ahead of their doorbell.
viewable() {
    file=$work/events.json
    "$hsaprobe" trace --device soft -o "$file" --lossless --all-times -- "$@" \
        >"$work/out" 2>"$work/summary"
    "$programs/trace_json_check" "$file" >"$work/checked" || made "Chrome's JSON of $*" strict broken
}

# arrows_to COUNT: this many slices of the device, and arrows to them, but for those that were over
# before their doorbell rang.
arrows_to() {
    made "slices of the device" "$1" "$(cut -d ' ' -f 5 "$work/checked")"
    awk -v most="$1" '{ exit !($2 > 0 && $2 <= most) }' "$work/checked" ||
        made "arrows to the device" "1 to $1" "$(cat "$work/checked")"
}

device() {
    trace 0 -- "$calls" dispatch 200
    made "packets" 200 "$(rows dispatch empty)"
    made "packets with times" 200 "$(rows dispatch empty timed)"
    trace 0 -- "$calls" stream 500
    made "packets without signals" 500 "$(rows dispatch empty)"
    made "barriers" 1 "$(rows barrier barrier)"
    # What the tracer makes it also destroys: the runtime would count it among the program's leaks.
    grep -E '[0-9]{2,} Signals leaked' "$work/out" "$work/summary" &&
        made "signals of the tracer that are left" none many
    # Packets that the device took before they had the tracer's signals don't use these up.
    trace 0 --layers device -- "$calls" stream 60000
    late=$(awk -F, '$1 == "dispatch" && $(NF - 2) >= 50000 && $NF > 0' "$file" | wc -l)
    [ "$late" -gt 0 ] || made "packets with times late in a long run" some none
    trace 0 -- "$calls" copy 50
    made "copies" 50 "$(rows copy copy)"
    made "copies with times" 50 "$(rows copy copy timed)"
    trace 0 -- env HSA_ENABLE_SDMA=0 "$calls" copy 50
    made "copies by kernels" 50 "$(rows copy copy)"
    made "copies by kernels with times" 50 "$(rows copy copy timed)"
    viewable "$calls" fork 50
    viewable "$calls" kill 50
    viewable "$calls" dispatch 50
    arrows_to 50
}

hip() {
    hip_calls=$hip_programs/hip_calls
    trace 0 -- "$hip_calls" launch 300
    made "HIP launches" 301 "$(rows call hipLaunchKernel)"
    made "their packets" 301 "$(rows dispatch .*nothing.*)"
    # Without signals of their own; one that ran ahead of its doorbell has no times.
    [ "$(rows dispatch .*nothing.* timed)" -gt 0 ] || made "their times" some none
    trace 0 --all-times -- "$hip_calls" wait 300
    made "times of all HIP launches" 301 "$(rows dispatch .*nothing.* timed)"
    trace 0 -- "$hip_calls" threads 50
    adds_up || made "parts of HIP calls" "all of them" "$(cat "$work/summary")"
    made "HIP launches of four threads" 200 "$(rows call hipLaunchKernel)"
    made "their packets" 200 "$(rows dispatch .*nothing.*)"
    trace 0 -- "$hip_calls" copy 20
    made "HIP copies" 60 "$(rows call hipMemcpy)"
    trace 0 -- "$programs/trace_late" - 1000
    made "calls through dlsym" 1000 "$(rows call hipGetDevice)"
    trace 0 -- "$programs/trace_late" "$programs/libtrace_extension.so" 1000
    made "calls of a late library" 1000 "$(rows call hipGetDevice)"
    made "calls of its constructor" 1 "$(rows call hipGetDeviceCount)"
    file=$work/events.jsonl
    trace 0 -- "$hip_calls" launch 64
    made "launches known to their packets" 65 \
        "$(grep -c '"type":"dispatch".*nothing.*"hip_call":"hipLaunchKernel"' "$file")"
    "$programs/trace_json_check" "$file" >/dev/null || made "JSON Lines" readable broken
    file=$work/events.json
    trace 0 -- "$hip_calls" launch 64
    "$programs/trace_json_check" "$file" >"$work/checked" || made "Chrome's JSON" readable broken
    awk '{ exit !($1 > 130 && $2 > 0 && $2 == $3) }' "$work/checked" ||
        made "slices, arrows' begins and ends" plenty "$(cat "$work/checked")"
    viewable "$hip_calls" threads 20
    viewable "$hip_calls" copy 20
    arrows_to 60
}

# The parts of each HIP call's time are all of it, but for what the tracer took out.
adds_up() {
    awk '/^recorder for packets/ { recorder = $5 }
        /^Calls/ { part = 1 } /^What HIP calls do/ { part = 2 } /^Packets/ { part = 0 }
        part == 1 && $1 == "hip" { left += $4 - $5 }
        part == 2 && NF > 5 { left -= $NF }
        END { exit !(recorder > 0 && left > -1 && left < recorder * 1.02 + 1) }' "$work/summary"
}

"$group"
echo "$failures failures"
[ "$failures" -eq 0 ]
