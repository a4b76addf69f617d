#!/bin/bash
# SPDX-License-Identifier: MIT
# pages.sh COMMAND MAN_FOLDER HEADERS OPTIONS_HEADER: there is a page for the command, each of its
# commands and the library; groff has nothing to say about any; each option that --help lists and
# each function that a header declares is in its page, as is each variable of the software GPU.
set -u
command=$1 folder=$2 headers=$3 options_header=$4
command -v groff >/dev/null || { echo "groff: not installed"; exit 77; }
failed=0
fail() { echo "FAILED: $*"; failed=1; }
shown() { groff -man -ww -Tutf8 -P-cbou "$1"; }

mapfile -t names < <("$command" help | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p' | grep -vx help)
[ "${#names[@]}" -ge 7 ] || fail "the command lists only ${names[*]}"
for page in hsaprobe.1 "${names[@]/%/.1}"; do
    file=$folder/man1/$([ "$page" = hsaprobe.1 ] || echo hsaprobe-)$page
    [ -s "$file" ] || fail "no page $file"
done
for file in "$folder"/man?/*; do
    words=$(shown "$file" 2>&1 >/dev/null)
    [ -z "$words" ] || fail "$file: $words"
    shown "$file" | grep -q '^NAME' || fail "$file: no NAME"
done
for name in "${names[@]}"; do
    text=$(shown "$folder/man1/hsaprobe-$name.1")
    mapfile -t options < <("$command" help "$name" | grep -oE '^ +(-., )?--[a-z-]+' |
        grep -oE -- '--[a-z-]+')
    [ "${#options[@]}" -ge 1 ] || fail "$name: --help shows no option"
    for option in "${options[@]}"; do
        grep -qE -- "^ +(-., )?$option\b" <<<"$text" || fail "$name: no $option"
    done
    other=$(sed -n '/^OPTIONS/,/^[A-Z]/s/^       -/-/p' <<<"$text" | grep -vE '^(-., )?--[a-z]')
    [ -z "$other" ] || fail "$name: no option: $other"
    grep -q "hsaprobe-$name(1)" <<<"$(shown "$folder/man1/hsaprobe.1")" || fail "hsaprobe(1): no $name"
done
text=$(shown "$folder/man1/hsaprobe-soft.1")
mapfile -t variables < <(grep -oE 'HSAPROBE_SOFT_[A-Z]+' "$options_header" | sort -u)
for variable in "${variables[@]}"; do
    grep -qE "^ +$variable\$" <<<"$text" || fail "hsaprobe-soft(1): no $variable"
done
text=$(shown "$folder/man3/libhsaprobe.3")
mapfile -t functions < <(echo '#include <hsaprobe/hsaprobe.h>' | ${CC:-cc} -E -P -I"$headers" - |
    grep -oE '\bhsp_[a-z0-9_]+ *\(' | grep -oE 'hsp_[a-z0-9_]+' | grep -vx hsp_status | sort -u)
[ "${#functions[@]}" -ge 200 ] || fail "only ${#functions[@]} functions are declared"
for function in "${functions[@]}"; do
    grep -qE "\b$function\b" <<<"$text" || fail "libhsaprobe(3): no $function"
done
for header in "$headers"/hsaprobe/*.h; do
    grep -q "<hsaprobe/$(basename "$header")>" <<<"$text" || fail "libhsaprobe(3): no $header"
done
exit $failed
