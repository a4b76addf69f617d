#!/bin/bash
# SPDX-License-Identifier: MIT
# rocm_tools.sh NAME: programs that come with ROCm, unmodified, and what they say about the GPU.
set -u
skip() { echo "skipped: $*"; exit 77; }
need() { command -v "$1" >/dev/null || skip "no $1"; }
# expect TEXT: an extended regular expression in $output.
expect() { grep -qE -e "$1" <<<"$output" || { echo "no '$1' in:"; echo "$output"; exit 1; }; }
refuse() { ! grep -qE -e "$1" <<<"$output" || { echo "'$1' in:"; echo "$output"; exit 1; }; }

case $1 in
rocminfo)
    need rocminfo
    output=$(rocminfo 2>&1) || { echo "$output"; exit 1; }
    expect 'ROCk module is loaded'
    expect '^  Name: +gfx90a *$'
    expect 'Name: +amdgcn-amd-amdhsa--gfx90a:sramecc\+:xnack-'
    expect 'Marketing Name: +.*MI210'
    expect 'Device Type: +GPU'
    expect 'Compute Unit: +104'
    expect 'Wavefront Size: +64'
    expect 'Segment: +GLOBAL; FLAGS: COARSE GRAINED'
    expect 'Segment: +GROUP'
    expect '^ +L1:'
    expect '\*\*\* Done \*\*\*'
    ;;
enumerator)
    need rocm_agent_enumerator
    output=$(rocm_agent_enumerator 2>&1) || { echo "$output"; exit 1; }
    expect '^gfx90a$'
    output=$(rocm_agent_enumerator -t GPU 2>&1)
    expect '^gfx90a$'
    refuse Traceback
    ;;
hipcc)
    need hipcc
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    printf '#include <hip/hip_runtime.h>\n__global__ void k() {}\nint main() { k<<<1, 1>>>(); return hipDeviceSynchronize(); }\n' \
        >"$work/k.cpp"
    # Without --offload-arch it asks for the GPU that is there. clang leaves a temporary folder.
    output=$(TMPDIR=$work hipcc -o "$work/k" "$work/k.cpp" 2>&1) || { echo "$output"; exit 1; }
    output=$(strings -a "$work/k" 2>/dev/null || grep -ao 'hipv4-amdgcn-amd-amdhsa--gfx[0-9a-f]*' "$work/k")
    expect 'amdgcn-amd-amdhsa--gfx90a'
    "$work/k"
    ;;
smi)
    need rocm-smi
    # Its exit code is 2 where something isn't supported, which much of -a is not.
    output=$(rocm-smi -a 2>&1)
    expect 'VBIOS version: software-gfx90a'
    expect 'Performance Level: auto'
    expect 'Sensor edge\) \(C\): N/A'
    expect 'End of ROCm SMI Log'
    refuse 'Traceback|Assertion'
    output=$(rocm-smi --showmeminfo vram --showtopo --showpids 2>&1) || { echo "$output"; exit 1; }
    expect 'VRAM Total Memory \(B\): [1-9]'
    expect 'No KFD PIDs currently running'
    ;;
*) echo "no test $1" >&2; exit 2 ;;
esac
