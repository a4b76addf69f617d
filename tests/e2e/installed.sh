#!/bin/bash
# SPDX-License-Identifier: MIT
# installed.sh BUILD_FOLDER: what `cmake --install` puts somewhere else works there, with nothing
# left that points back into the build folder.
set -u
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

cmake --install "$1" --prefix "$prefix" >"$prefix/log" 2>&1 || fail "$(tail "$prefix/log")"
cd / || exit 1
command=$prefix/bin/hsaprobe
unset LD_PRELOAD
output=$("$command" info 2>&1) || fail "info: $output"
grep -q 'gfx90a' <<<"$output" || fail "info: $output"
output=$("$command" layers --kernel empty --rounds 5 2>&1) || fail "layers: $output"
grep -q '= whole launch, arm' <<<"$output" || fail "layers: $output"
if command -v readelf >/dev/null; then
    while read -r file; do
        readelf -d "$file" 2>/dev/null | grep -E 'R(UN)?PATH' | grep -F "$1" &&
            fail "$file has a path into the build folder"
    done < <(find "$prefix/bin" "$prefix/lib" -type f)
fi
ls "$prefix"/share/hsaprobe/kernels/*.hipfb >/dev/null || fail "no kernels"
