#!/bin/sh
# SPDX-License-Identifier: MIT
# run: kernels found by name, arguments bound and checked, results printed and saved.
. "$(dirname "$0")/cli.sh"
SAXPY="$KERNELS/saxpy.hipfb"

# values come back: y = 2 i + 1
accept ' 1 3' run "$SAXPY" saxpy --grid 2 --block 64 --arg f32:2 --arg 'f32[128]=iota' \
    --arg 'f32[128]=const:1>print:4>y.bin' --arg u32:128
[ "$(od -An -tf4 -v y.bin | tr -s ' \n' '\n' | sed '/^$/d' | awk '$1 != 2 * (NR - 1) + 1' | wc -l)" -eq 0 ] ||
    complain "saxpy left wrong values in y.bin"
[ "$(stat -c %s y.bin)" -eq 512 ] || complain "y.bin has the wrong size"

# a file feeds a buffer; --global counts work-items; a partial block is one
accept ' 1 5' run "$SAXPY" saxpy --global 100 --block 64 --arg f32:2 --arg 'f32[128]=iota' \
    --arg 'f32[128]=@y.bin>print:100' --arg u32:100 --format text
run run "$SAXPY" saxpy --grid 1 --block 64 --arg f32:1 --arg 'f32[64]=iota' \
    --arg 'f32[64]>print:3' --arg u32:64 --repeat 5 --format json -o result.json
[ "$code" -eq 0 ] || complain "run --format json: exit code $code"
for part in '"software": ' '"what": "submit"' '"source": "measured"' '"count": 5' '"value": 10.0'; do
    grep -qF "$part" result.json || complain "JSON without $part"
done

# names: exact, demangled, unique beginning
accept 'kernel' run "$SAXPY" sax --grid 1 --block 64 --arg f32:1 --arg 'f32[64]' --arg 'f32[64]' \
    --arg u32:64
# a source is compiled for the device
export XDG_CACHE_HOME="$SCRATCH/cache"
echo 'kernel void twice(global int *p) { p[get_global_id(0)] *= 2; }' >twice.cl
accept ' 3 6' run twice.cl twice --global 64 --block 64 --arg 'i32[64]=iota>print:4'
# names are in compiled sources, and local pointers have their LDS
cat >local.cl <<'END'
kernel void turn(global int *data, int factor, local int *own) {
    size_t i = get_local_id(0);
    own[i] = data[i];
    barrier(CLK_LOCAL_MEM_FENCE);
    data[i] = own[63 - i] * factor;
}
END
accept ' 1 434' run local.cl turn --global 64 --block 64 --arg own=u32:256 --arg factor=i32:7 \
    --arg 'data=i32[64]=iota>print:4'
refuse 1 'geometry: ' run local.cl turn --global 64 --block 64 --arg own=u32:70000 --arg factor=i32:7 \
    --arg 'data=i32[64]'
echo '.nonsense' >bad.s
run run bad.s k --global 64 --block 64
[ "$code" -eq 1 ] || complain "a source with a mistake: exit code $code"
grep -q '^hsaprobe: compiler: bad.s:1:1: error:' stderr || complain "the assembler's error isn't told"
# services that a kernel lists are refused by name unless supplied; -O0 lists them all
cat >plain.hip <<'END'
#include <hip/hip_runtime.h>
extern "C" __global__ void plain(int *p) { p[threadIdx.x] += STEP; }
END
set -- --global 64 --block 64 --arg 'i32[64]=iota>print:4' --compile-option -O0 \
    --compile-option -DSTEP=20
refuse 2 'plain: asks for hidden_' run plain.hip plain "$@"
grep -q '^hint: .* --arg hidden_hostcall_buffer=u64:0' stderr || complain "no hint how to go on"
supplied=$(sed -n 's/^hint: [^:]*:\( --arg.*\)/\1/p' stderr)
# shellcheck disable=SC2086
accept ' 3 23' run plain.hip plain "$@" $supplied
refuse 2 'hidden_nonsense' run plain.hip plain "$@" --arg hidden_nonsense=u64:0
accept 'kernel' run "$KERNELS/empty.hipfb" empty --grid 3,2 --block 4,4,4

# a null pointer is an argument as any other
accept 'kernel' run "$SAXPY" saxpy --grid 1 --block 64 --arg f32:1 --arg ptr:0 --arg ptr:0 --arg u32:0

# bad input
set -- --grid 1 --block 64 --arg f32:1 --arg 'f32[64]' --arg 'f32[64]'
refuse 1 'nowhere.hipfb: No such file' run nowhere.hipfb k "$@" --arg u32:1
refuse 1 'neither an ELF nor' run /etc/passwd k "$@" --arg u32:1
refuse 1 'code object:' run "$HSAPROBE" k "$@" --arg u32:1
refuse 1 "$(printf 'code object:')" run "$WRONG_ISA" saxpy "$@" --arg u32:1
refuse 2 'nix' run "$SAXPY" nix "$@" --arg u32:1
refuse 2 'saxpy' run "$SAXPY" saxpy "$@"
refuse 2 'takes 4 arguments, 5 were given' run "$SAXPY" saxpy "$@" --arg u32:1 --arg u32:1
refuse 2 'f64:1' run "$SAXPY" saxpy "$@" --arg f64:1
refuse 2 'ptr:0' run "$SAXPY" saxpy "$@" --arg ptr:0
refuse 2 'u32[4]' run "$SAXPY" saxpy "$@" --arg 'u32[4]'
refuse 2 'hex:0102' run "$SAXPY" saxpy "$@" --arg hex:0102
refuse 2 'nix=u32:1' run "$SAXPY" saxpy "$@" --arg nix=u32:1
refuse 1 'nofile: No such file' run "$SAXPY" saxpy --grid 1 --block 64 --arg f32:1 \
    --arg 'f32[64]=@nofile' --arg 'f32[64]' --arg u32:1
refuse 1 'y.bin: longer than' run "$SAXPY" saxpy --grid 1 --block 64 --arg f32:1 \
    --arg 'f32[64]=@y.bin' --arg 'f32[64]' --arg u32:1
refuse 1 'more than the' run "$SAXPY" saxpy --grid 1 --block 64 --arg f32:1 \
    --arg 'f32[17592186044416]' --arg 'f32[64]' --arg u32:1
refuse 2 'geometry: ' run "$SAXPY" saxpy --grid 4294967295 --block 1024 --arg f32:1 --arg 'f32[64]' \
    --arg 'f32[64]' --arg u32:1
refuse 2 'geometry: ' run "$SAXPY" saxpy --grid 1 --block 2048 --arg f32:1 --arg 'f32[64]' \
    --arg 'f32[64]' --arg u32:1
refuse 1 'geometry: ' run "$SAXPY" saxpy "$@" --arg u32:1 --shared 70000
refuse 1 'nowhere/y: No such file' run "$SAXPY" saxpy --grid 1 --block 64 --arg f32:1 --arg 'f32[64]' \
    --arg 'f32[64]>nowhere/y' --arg u32:64
refuse 1 '/dev/full: No space left' run "$SAXPY" saxpy --grid 1 --block 64 --arg f32:1 \
    --arg 'f32[64]' --arg 'f32[64]>/dev/full' --arg u32:64
refuse 1 'nowhere/o: No such file' run "$SAXPY" saxpy "$@" --arg u32:1 -o nowhere/o

# a process that is killed leaves no part of its output
timeout 2 "$HSAPROBE" run "$KERNELS/wait_flag.hipfb" wait_flag --grid 1 --block 1 --arg 'u32[1]' \
    --arg u32:1 --arg 'u32[1]' -o killed.txt >stdout 2>stderr
[ $? -eq 124 ] || complain "wait_flag ended by itself"
ls killed.txt* >stdout 2>/dev/null && complain "a killed process left $(cat stdout)"

# a kernel that never ends is given up
refuse 1 'not finished in time' run "$KERNELS/wait_flag.hipfb" wait_flag --grid 1 --block 1 \
    --arg 'u32[1]' --arg u32:1 --arg 'u32[1]' --timeout 1
finish
