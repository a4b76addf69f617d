#!/bin/bash
# SPDX-License-Identifier: MIT
# installed.sh BUILD_FOLDER SOURCE_FOLDER: installs, moves the tree, and goes on as a new user
# would: experiments are built outside with pkg-config and with CMake, in C and C++, and run on the
# software GPU. Nothing installed or built may name the build, the source or the first place.
set -u
build=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "FAILED: $*"; exit 1; }
run() { "$@" >"$work/log" 2>&1 || fail "$*: $(tail -n 20 "$work/log")"; }

run cmake --install "$build" --strip --prefix "$work/first" # debug information names the source
mv "$work/first" "$work/second"
prefix=$work/second
cd "$work" || exit 1
unset LD_PRELOAD PKG_CONFIG_PATH CMAKE_PREFIX_PATH
command=$prefix/bin/hsaprobe
export HSAPROBE_SOFT_VRAM=4G

# What is there.
for file in bin/hsaprobe include/hsaprobe/hsaprobe.h share/man/man1/hsaprobe-run.1 \
    share/man/man3/libhsaprobe.3 share/bash-completion/completions/hsaprobe \
    share/hsaprobe/kernels/saxpy.hipfb share/hsaprobe/examples/CMakeLists.txt; do
    [ -s "$prefix/$file" ] || fail "no $file"
done
library=$(find "$prefix" -name libhsaprobe.so)
[ -L "$library" ] || fail "libhsaprobe.so is no link"
readelf -d "$library" | grep -q 'SONAME.*libhsaprobe\.so\.0' || fail "no SONAME"
readelf -V "$library" | grep -q 'HSAPROBE_0\.1' || fail "no version"
libraries=$(dirname "$library")

no_trace_of_the_build() { # FOLDER
    for path in "$build" "$source" "$work/first"; do
        found=$(grep -rlF -- "$path" "$1") && fail "$path is named in $found"
    done
}
no_trace_of_the_build "$prefix"

completions() { # WORD...
    # shellcheck source=/dev/null
    bash -c '. "$0" && COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) && _hsaprobe && echo "${COMPREPLY[*]}"' \
        "$prefix/share/bash-completion/completions/hsaprobe" "$@"
}
[ "$(completions hsaprobe inf)" = info ] || fail "completion: $(completions hsaprobe inf)"
[ "$(completions hsaprobe soft --vr)" = --vram ] || fail "completion of options"

# The examples, with CMake.
cp -r "$prefix/share/hsaprobe/examples" "$work/experiments"
run cmake -G Ninja -S "$work/experiments" -B "$work/experiments/build" \
    -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_FLAGS=-Werror
run cmake --build "$work/experiments/build"
no_trace_of_the_build "$work/experiments"
cd "$work/experiments/build" || exit 1
for example in first_launch ping_pong persistent_kernel copy_compute_overlap intercept_queue; do
    run "$command" soft -- "./$example"
done
run "$command" layers --kernel empty --arm timer --arm thread=./arm_thread --restarts 1 --rounds 2
grep -q '^empty *thread ' "$work/log" || fail "no arm thread: $(cat "$work/log")"

# The tracer finds its library beside the command.
run "$command" trace -o trace.csv -- ./first_launch
grep -q '^call,hsa,"hsa_queue_create",' trace.csv || fail "trace: $(head -n 3 trace.csv)"

# The first one, with pkg-config; it names itself where there is no device.
export PKG_CONFIG_PATH=$libraries/pkgconfig
read -ra flags < <(pkg-config --cflags --libs hsaprobe) || fail "pkg-config finds nothing"
kernels=$(pkg-config --variable=kernelsdir hsaprobe)
cd "$work" || exit 1
run cc "$prefix/share/hsaprobe/examples/first_launch.c" -o e "${flags[@]}" "-Wl,-rpath,$libraries"
no_trace_of_the_build e
output=$("$command" soft -- ./e "$kernels/saxpy.hipfb") || fail "first_launch: $output"
grep -qE '^y\[1\] = 1027; ns: reserve [0-9]+, .*; kernel [1-9][0-9]*$' <<<"$output" || fail "$output"
if [ ! -e /dev/kfd ]; then
    output=$(./e 2>&1)
    code=$?
    [ $code -eq 77 ] || fail "exit code $code without a device: $output"
    grep -qx 'hint: .*: hsaprobe soft -- ./e' <<<"$output" || fail "no hint: $output"
fi

# From C++.
if command -v c++ >/dev/null; then
    cat >cxx.cpp <<'END'
#include <hsaprobe/hsaprobe.h>
#include <cstdio>
int main() {
    const struct hsp_agent *gpu = nullptr;
    hsp_check(hsp_runtime_init());
    hsp_check(hsp_agent_select(nullptr, &gpu));
    std::puts(hsp_agent_info_get(gpu)->name);
    hsp_runtime_shutdown();
}
END
    run c++ -std=c++17 -Wall -Wextra -pedantic -Werror cxx.cpp -o cxx "${flags[@]}" \
        "-Wl,-rpath,$libraries"
    [ "$("$command" soft -- ./cxx)" = gfx90a ] || fail "the C++ program finds no GPU"
fi
