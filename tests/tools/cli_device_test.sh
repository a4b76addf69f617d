#!/bin/sh
# SPDX-License-Identifier: MIT
# The same commands on either kind of device (third word: soft or hw), each saying which it was.
DEVICE=$3
[ "$DEVICE" = hw ] && [ ! -e /dev/kfd ] && exit 77
. "$(dirname "$0")/cli.sh"
case $DEVICE in
hw) software=false ;;
*) software=true ;;
esac

says_device() {
    [ "$code" -eq 0 ] || complain "$1: exit code $code"
    grep -q "\"software\": $software" stdout || complain "$1: doesn't say software: $software"
}

run info --device "$DEVICE" --format json
says_device info
run run "$KERNELS/saxpy.hipfb" saxpy --device "$DEVICE" --grid 4 --block 64 --arg f32:2 \
    --arg 'f32[256]=iota' --arg 'f32[256]=const:1>y.bin' --arg u32:256 --format json
says_device run
[ "$(od -An -tf4 -v y.bin | tr -s ' \n' '\n' | sed '/^$/d' |
    awk '$1 == 2 * (NR - 1) + 1' | wc -l)" -eq 256 ] || complain "saxpy left wrong values"
for kernel in empty counter saxpy; do
    run layers --device "$DEVICE" --kernel $kernel --restarts 1 --rounds 20 --seconds 5 --format json
    says_device "layers $kernel"
    [ "$(grep -c '"correct": true' stdout)" -eq 4 ] || complain "$kernel: not four right results"
done
run bench dispatch --device "$DEVICE" --samples 200 --idle-samples 10 --seconds 1 --format json
says_device bench
finish
