# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What tools/demo and tools/check share: find out what is missing, install it, configure, build.
# Sourced, never run. Talk goes to stderr.

tools_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo_dir=$(dirname "$tools_dir")
packages_file=$tools_dir/packages

# Where AMD's own packages live; programs and headers there count as present.
rocm_dir=${ROCM_PATH:-/opt/rocm}
PATH=$PATH:/usr/sbin:/sbin:$rocm_dir/bin

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# --- Facts about this machine; the tests of this file put other ones in their place. -------------

os_name() {
    (
        # shellcheck source=/dev/null
        . /etc/os-release 2>/dev/null
        printf '%s %s\n' "${ID:-unknown}" "${VERSION_ID:-}"
    )
}

is_root() { [ "$(id -u)" -eq 0 ]; }

path_exists() { [ -e "$1" ]; }

# Through sudo: without a password, or with one where somebody can type it.
can_sudo() {
    command -v sudo >/dev/null || return 1
    sudo -n true 2>/dev/null || { [ -t 0 ] && [ -t 2 ]; }
}

has_command() { command -v "$1" >/dev/null; }

has_header() {
    local dir
    for dir in /usr/include /usr/include/*-linux-gnu /usr/local/include "$rocm_dir/include"; do
        [ -e "$dir/$1" ] && return 0
    done
    return 1
}

run_as_root() {
    if is_root; then
        "$@"
    else
        sudo "$@"
    fi
}

# --- Packages -----------------------------------------------------------------------------------

# proof_holds "cmd:a|b": any alternative suffices; the kind is written once.
proof_holds() {
    local kind=${1%%:*} alternative alternatives
    IFS='|' read -ra alternatives <<<"${1#*:}"
    for alternative in "${alternatives[@]}"; do
        case $kind in
        cmd) has_command "$alternative" && return 0 ;;
        hdr) has_header "$alternative" && return 0 ;;
        file) path_exists "$alternative" && return 0 ;;
        esac
    done
    return 1
}

# missing_packages SET...: "package set proof" for each absent one, a line each.
missing_packages() {
    local package set proof
    while read -r package set proof; do
        [[ $package == \#* || -z $package ]] && continue
        [[ " $* " == *" $set "* ]] || continue
        proof_holds "$proof" || printf '%s %s %s\n' "$package" "$set" "$proof"
    done <"$packages_file"
}

# A ROCm that Debian's packages must not be mixed into, or a driver whose owner decides.
rocm_is_managed() { path_exists /opt/rocm || path_exists /dev/kfd; }

list_missing() {
    local package set proof
    while read -r package set proof; do
        case $proof in
        cmd:*) proof="program ${proof#cmd:}" ;;
        hdr:*) proof="header ${proof#hdr:}" ;;
        file:*) proof="file ${proof#file:}" ;;
        esac
        printf '    %-20s %s\n' "$package" "${proof//|/ or }" >&2
    done
}

# ensure_packages SET...: installs what is missing, or says exactly what somebody else must do.
ensure_packages() {
    local missing names
    missing=$(missing_packages "$@")
    [ -z "$missing" ] && return 0
    if [ "$(os_name)" != "debian 12" ]; then
        say "this is $(os_name), where nothing is installed by itself; missing (Debian 12's name, what is looked for):"
        list_missing <<<"$missing"
        return 1
    fi
    if grep -q ' rocm ' <<<"$missing" && rocm_is_managed; then
        say "ROCm or its driver is set up here (/opt/rocm or /dev/kfd), so no ROCm package is installed; missing:"
        grep ' rocm ' <<<"$missing" | list_missing
        return 1
    fi
    mapfile -t names <<<"$(awk '{ print $1 }' <<<"$missing")"
    install_packages "${names[@]}" || return 1
    missing=$(missing_packages "$@")
    [ -z "$missing" ] && return 0
    say "still missing after the installation:"
    list_missing <<<"$missing"
    return 1
}

install_packages() {
    if ! is_root && ! can_sudo; then
        say "packages are missing; someone with root must run:"
        printf '    apt-get update && apt-get install -y --no-install-recommends %s\n' "$*" >&2
        return 1
    fi
    say "installing $*"
    if ! apt_get update -qq || ! apt_get install -y -qq --no-install-recommends "$@" >&2; then
        say "apt-get failed: see above"
        return 1
    fi
}

apt_get() {
    run_as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -o DPkg::Lock::Timeout=120 "$@"
}

# --- Build ----------------------------------------------------------------------------------------

job_count() { nproc 2>/dev/null || echo 2; }

# configure PRESET DIR: a build folder that came with a moved or copied checkout starts afresh.
configure() {
    local dir=$repo_dir/$2 home=$repo_dir fresh=()
    if [ -e "$dir/CMakeCache.txt" ]; then
        home=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$dir/CMakeCache.txt")
    fi
    [ "$home" = "$repo_dir" ] || fresh=(--fresh)
    mkdir -p "$dir"
    (cd "$repo_dir" && cmake --preset "$1" "${fresh[@]}") >"$dir/configure.log" 2>&1 && return 0
    say "cmake --preset $1 failed:"
    tail -n 20 "$dir/configure.log" >&2
    return 1
}

# build DIR [TARGET...]: everything by default. clang leaves empty temporary folders behind when it
# compiles for a GPU, so they are made where they can be taken away.
build() {
    local dir=$repo_dir/$1 status
    shift
    mkdir -p "$dir/tmp"
    TMPDIR=$dir/tmp ninja -C "$dir" -j "$(job_count)" "$@" >&2
    status=$?
    rm -rf "$dir/tmp"
    return $status
}
