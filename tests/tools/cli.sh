# SPDX-License-Identifier: MIT
# Sourced by the command's tests: HSAPROBE, KERNELS (a directory of bundles) and a scratch
# directory that is the working directory and goes away at the end.
set -u
HSAPROBE=$1
KERNELS=$2
unset LD_PRELOAD HSAPROBE_RESTARTED
SCRATCH=$(mktemp -d) || exit 1
trap 'rm -rf "$SCRATCH"' EXIT
cd "$SCRATCH" || exit 1
failures=0

complain() {
    echo "FAIL: $*"
    sed 's/^/    /' stderr
    failures=$((failures + 1))
}

# run WORDS...: leaves stdout, stderr and $code.
run() {
    "$HSAPROBE" "$@" >stdout 2>stderr
    code=$?
    # the restart's own line is no complaint
    sed -i '/^hsaprobe: no AMD GPU here (\/dev\/kfd): running on the software gfx90a GPU$/d' stderr
}

# refuse CODE TEXT WORDS...: exits with CODE, says nothing on stdout, and on stderr one line with
# TEXT in it and at most one hint.
refuse() {
    want=$1 text=$2
    shift 2
    run "$@"
    [ "$code" -eq "$want" ] || complain "hsaprobe $*: exit code $code, not $want"
    [ -s stdout ] && complain "hsaprobe $*: wrote to standard output"
    [ "$(grep -c '^hsaprobe: ' stderr)" -eq 1 ] || complain "hsaprobe $*: not exactly one line"
    [ "$(grep -cv '^hsaprobe: ' stderr)" -le 1 ] || complain "hsaprobe $*: more than one hint"
    grep -v '^hsaprobe: ' stderr | grep -qv '^hint: ' && complain "hsaprobe $*: no hint"
    grep -qF -- "$text" stderr || complain "hsaprobe $*: the line lacks '$text'"
}

# accept TEXT WORDS...: exits with 0 and prints TEXT, in which one blank stands for any number.
accept() {
    text=$1
    shift
    run "$@"
    [ "$code" -eq 0 ] || complain "hsaprobe $*: exit code $code"
    tr -s ' ' <stdout | grep -qF -- "$text" || complain "hsaprobe $*: no '$text' on standard output"
}

finish() {
    [ "$failures" -eq 0 ] || exit 1
    exit 0
}
