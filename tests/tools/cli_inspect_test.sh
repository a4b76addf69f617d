#!/bin/sh
# SPDX-License-Identifier: MIT
# inspect: what a file holds, without a GPU; malformed files are refused with a message.
. "$(dirname "$0")/cli.sh"

accept 'amdgcn-amd-amdhsa--gfx90a hipv4' inspect "$KERNELS/saxpy.hipfb"
accept 'offload bundle' inspect "$KERNELS/saxpy.hipfb"
accept '0 saxpy 4 28 B' inspect "$KERNELS/saxpy.hipfb"
accept '1 x - global_buffer 8 8' inspect "$KERNELS/saxpy.hipfb" saxpy
accept 'kernarg_size 64 32 0x1c 28 bytes' inspect "$KERNELS/saxpy.hipfb" sax
accept 'compute_pgm_rsrc3 accum_offset 352 6' inspect "$KERNELS/saxpy.hipfb" saxpy
accept '"bit_count": 32' inspect "$KERNELS/saxpy.hipfb" saxpy --format json
run inspect "$KERNELS/saxpy.hipfb" saxpy --format json
grep -q '"kernarg_bytes": 28' stdout && complain "one kernel's JSON lists all kernels"

accept ' L3 s_endpgm bf810000' inspect "$KERNELS/spin.hipfb" spin --disassemble
accept 's_cbranch_execz L3' inspect "$KERNELS/spin.hipfb" spin --disassemble

# sources are compiled on the fly
export XDG_CACHE_HOME="$SCRATCH/cache"
echo 'kernel void twice(global int *p) { p[get_global_id(0)] *= 2; }' >twice.cl
accept '0 twice 1 64 B' inspect twice.cl
accept 'amdgcn-amd-amdhsa--gfx906' inspect twice.cl --isa gfx906
echo 'kernel void twice() { nonsense(); }' >bad.cl
run inspect bad.cl
[ "$code" -eq 1 ] || complain "a source with a mistake: exit code $code"
grep -q '^hsaprobe: compiler: bad.cl:1:23: error:' stderr || complain "the compiler's error isn't told"
refuse 1 'No such file or directory' inspect nowhere.cl
# with the compiler's words, and without the cache
echo 'kernel void named(global int *p) { p[0] = NUMBER; }' >named.cl
run inspect named.cl
[ "$code" -eq 1 ] || complain "a source without its macro: exit code $code"
accept ' v_mov_b32_e32 v1, 0x4d2' inspect named.cl named --disassemble --compile-option -DNUMBER=1234
accept 'named.cl:1' inspect named.cl named --disassemble --compile-option=-DNUMBER=1 \
    --compile-option=-g
before=$(find "$XDG_CACHE_HOME" -type f | wc -l)
accept 'named' inspect named.cl --no-cache --compile-option -DNUMBER=7
[ "$(find "$XDG_CACHE_HOME" -type f | wc -l)" -eq "$before" ] || complain "--no-cache kept a result"
accept 'named' inspect named.cl --compile-option -DNUMBER=7
[ "$(find "$XDG_CACHE_HOME" -type f | wc -l)" -eq $((before + 1)) ] || complain "no result is kept"
run inspect named.cl --compile-option --nonsense
[ "$code" -eq 1 ] && grep -q "^hsaprobe: compiler: .*--nonsense" stderr ||
    complain "a wrong word for the compiler isn't told"
refuse 2 '--compile-option is for sources' inspect "$KERNELS/saxpy.hipfb" --compile-option -g
refuse 2 '--no-cache is for sources' inspect "$KERNELS/saxpy.hipfb" --no-cache

refuse 2 '--disassemble: KERNEL is missing' inspect "$KERNELS/spin.hipfb" --disassemble
refuse 2 'FILE is missing' inspect
refuse 2 "has no kernel 'sxapy': did you mean saxpy" inspect "$KERNELS/saxpy.hipfb" sxapy
refuse 1 'the processor differs' inspect "$KERNELS/saxpy.hipfb" saxpy --isa gfx1030
refuse 1 'No such file or directory' inspect nowhere
refuse 1 'has no section .hip_fatbin' inspect "$HSAPROBE"
: >empty
refuse 1 'the file is empty' inspect empty
size=$(wc -c <"$KERNELS/saxpy.hipfb")
for bytes in 20 40 100 4096 4200 6000 $((size - 1)); do
    head -c "$bytes" "$KERNELS/saxpy.hipfb" >cut
    refuse 1 'cut' inspect cut saxpy
done
finish
