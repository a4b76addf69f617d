#!/bin/sh
# SPDX-License-Identifier: MIT
# soft: runs a program on the software GPU; its exit code, its arguments, its own preloads.
. "$(dirname "$0")/cli.sh"

for code_wanted in 0 1 3 42; do
    run soft -- sh -c "exit $code_wanted"
    [ "$code" -eq "$code_wanted" ] || complain "exit code $code instead of $code_wanted"
done
run soft printf '%s|' 'a b' --cus -- ''
[ "$(cat stdout)" = 'a b|--cus|--||' ] || complain "arguments were changed: $(cat stdout)"
refuse 127 'nosuchprogram: No such file' soft -- nosuchprogram
: >noexec
refuse 126 './noexec: Permission denied' soft -- ./noexec

run soft --vram 2G --cus 7 --doorbell spin --workers 3 --trace ioctl,packet -- sh -c \
    'echo $HSAPROBE_SOFT_VRAM $HSAPROBE_SOFT_CUS $HSAPROBE_SOFT_DOORBELL $HSAPROBE_SOFT_WORKERS $HSAPROBE_SOFT_TRACE'
[ "$(cat stdout)" = '2G 7 spin 3 ioctl,packet' ] || complain "options are not passed on: $(cat stdout)"
run soft -- sh -c 'echo $LD_PRELOAD'
grep -q '/libhsaprobe-softgpu.so$' stdout || complain "LD_PRELOAD is $(cat stdout)"
LD_PRELOAD=libm.so.6 "$HSAPROBE" soft -- sh -c 'echo $LD_PRELOAD' >stdout
grep -q '/libhsaprobe-softgpu.so:libm.so.6$' stdout || complain "LD_PRELOAD is $(cat stdout)"
run soft -- "$HSAPROBE" soft -- sh -c 'echo $LD_PRELOAD'
[ "$(tr ':' '\n' <stdout | grep -c softgpu)" -eq 1 ] || complain "nested: preloaded twice"

run soft --gpus 8 -- sh -c 'echo $HSAPROBE_SOFT_GPUS'
[ "$(cat stdout)" = 8 ] || complain "--gpus is not passed on: $(cat stdout)"
for number in 0 9 -1 two ''; do
    refuse 2 "--gpus: '$number' is not a number from 1 to 8" soft "--gpus=$number" -- true
done

# programs that nothing can be preloaded into run all the same, and it is said
# (64-bit ELF, one segment, no interpreter; exits with 5)
{
    printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\76\0\1\0\0\0\170\0\100\0\0\0\0\0\100\0\0\0\0\0\0\0'
    printf '\0\0\0\0\0\0\0\0\0\0\0\0\100\0\70\0\1\0\100\0\0\0\0\0'
    printf '\1\0\0\0\5\0\0\0\0\0\0\0\0\0\0\0\0\0\100\0\0\0\0\0\0\0\100\0\0\0\0\0'
    printf '\204\0\0\0\0\0\0\0\204\0\0\0\0\0\0\0\0\20\0\0\0\0\0\0'
    printf '\270\74\0\0\0\277\5\0\0\0\17\5'
} >static
chmod +x static
run soft -- ./static
[ "$code" -eq 5 ] || complain "a static program: exit code $code"
grep -q '^hsaprobe: ./static: it is linked statically: ' stderr || complain "a static program: $(cat stderr)"
printf '#!%s\n' "$PWD/static" >script
chmod +x script
run soft -- ./script
[ "$code" -eq 5 ] && grep -q 'linked statically' stderr || complain "its script: $(cat stderr)"
if [ "$(id -u)" -eq 0 ]; then
    cp /bin/true setuid && chown 65534 setuid && chmod u+s setuid
    run soft -- ./setuid
    grep -q '^hsaprobe: ./setuid: it runs as another user' stderr || complain "setuid: $(cat stderr)"
fi
run soft -- true
[ -s stderr ] && complain "an ordinary program: $(cat stderr)"

# a program sees the GPU
run soft --vram 1G --cus 12 -- "$HSAPROBE" info --format json
grep -q '"cu_count": 12' stdout || complain "the program doesn't see 12 compute units"
run soft --gpus 3 -- "$HSAPROBE" info --format json
[ "$(grep -o 'GPU-90a0740f0000000[1-3]' stdout | sort -u | wc -l)" -eq 3 ] || complain "the program doesn't see 3 GPUs"
[ -s stderr ] && complain "a program on the software GPU was restarted"
run soft -- "$HSAPROBE" info --device hw
[ "$code" -eq 2 ] || complain "--device hw on the software GPU: exit code $code"
finish
