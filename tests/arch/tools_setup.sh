#!/bin/bash
# SPDX-License-Identifier: MIT
# What tools/lib.sh decides on machines that this one is not: each case replaces the functions that
# ask about the machine, and nothing is ever installed.
# shellcheck disable=SC2317 # functions called by the sourced file
# shellcheck disable=SC2329
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
failures=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# machine OS ROOT SUDO PRESENT PATHS...: runs ensure_packages on a made-up machine. PRESENT is an
# extended regular expression of the proofs that hold; what would be installed goes to "installed".
machine() {
    local os=$1 root=$2 sudo=$3 present=$4
    shift 4
    local paths=" $* "
    : >"$scratch/installed"
    (
        # shellcheck source-path=SCRIPTDIR source=../../tools/lib.sh
        . "$here/../../tools/lib.sh"
        os_name() { echo "$os"; }
        is_root() { [ "$root" = yes ]; }
        can_sudo() { [ "$sudo" = yes ]; }
        path_exists() { [[ "$paths" == *" $1 "* ]]; }
        # After a successful installation everything is there.
        fake_proof() {
            [[ "$1" =~ ^($present)$ ]] && return
            [ "${apt_works:-yes}" = yes ] && [ -s "$scratch/installed" ]
        }
        has_command() { fake_proof "cmd:$1"; }
        has_header() { fake_proof "hdr:$1"; }
        apt_get() {
            [ "$1" = update ] && { echo update >>"$scratch/updates"; return 0; }
            printf '%s\n' "$*" >>"$scratch/installed"
        }
        ensure_packages build rocm
    ) >"$scratch/out" 2>&1
    status=$?
}

# expect WHAT CONDITION...: the condition is a command.
expect() {
    local what=$1
    shift
    "$@" && return
    echo "FAILED: $what (exit $status); installed: $(cat "$scratch/installed"); said:"
    cat "$scratch/out"
    failures=$((failures + 1))
}
says() { grep -q -e "$1" "$scratch/out"; }
quiet() { [ ! -s "$scratch/out" ]; }
installs() { grep -q -e "$1" "$scratch/installed"; }
installs_nothing() { [ ! -s "$scratch/installed" ]; }
status_is() { [ "$status" -eq "$1" ]; }
no() { ! "$@"; }

: >"$scratch/updates"
machine 'debian 12' yes no '.*'
expect 'nothing is missing: succeeds' status_is 0
expect 'nothing is missing: silent' quiet
expect 'nothing is missing: no apt-get update' no test -s "$scratch/updates"

machine 'debian 12' yes no 'cmd:gcc'
expect 'bare machine as root: succeeds' status_is 0
expect 'bare machine: installs cmake without recommends' installs '--no-install-recommends .*cmake'
expect 'bare machine: installs hipcc' installs 'hipcc'
expect 'bare machine: not what is there already' no installs ' gcc '
expect 'bare machine: updates once' test "$(wc -l <"$scratch/updates")" -eq 1

machine 'debian 12' no yes '(cmd|hdr):[^c].*'
expect 'sudo: succeeds' status_is 0
expect 'sudo: installs cmake' installs 'cmake'

machine 'debian 12' no no '(cmd|hdr):[^c].*'
expect 'no root, no sudo: fails' status_is 1
expect 'no root, no sudo: prints the command' says \
    'apt-get update && apt-get install -y --no-install-recommends cmake clang-15$'
expect 'no root, no sudo: installs nothing' installs_nothing

machine 'debian 12' no no '.*'
expect 'no root, nothing missing: succeeds' status_is 0

apt_works=no machine 'debian 12' yes no 'cmd:gcc'
expect 'apt-get did not help: fails' status_is 1
expect 'apt-get did not help: says what is still missing' says 'still missing'

machine 'debian 12' yes no 'cmd:[^h].*|hdr:.*' /opt/rocm
expect '/opt/rocm: fails when ROCm lacks something' status_is 1
expect '/opt/rocm: names it' says 'hipcc *program hipcc'
expect '/opt/rocm: installs nothing' installs_nothing

machine 'debian 12' yes no 'cmd:[^h].*|hdr:.*' /dev/kfd
expect '/dev/kfd: installs no ROCm package' installs_nothing

machine 'debian 12' yes no 'cmd:[^c].*|hdr:.*' /dev/kfd /opt/rocm
expect '/dev/kfd: other packages are installed' installs 'cmake'
expect '/dev/kfd: other packages only' no installs 'hipcc'

machine 'ubuntu 24.04' yes yes 'cmd:[^c].*|hdr:.*'
expect 'other system: fails' status_is 1
expect 'other system: names itself' says 'ubuntu 24.04'
expect 'other system: says the program' says 'clang-15 *program clang-15'
expect 'other system: installs nothing' installs_nothing

machine 'fedora 40' yes yes '.*'
expect 'other system, nothing missing: succeeds' status_is 0

machine 'debian 13' yes yes 'cmd:.*|hdr:[^j].*'
expect 'other Debian: says the header' says 'libjansson-dev *header jansson.h'

echo "$failures failures"
[ $failures -eq 0 ]
