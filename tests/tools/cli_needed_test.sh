#!/bin/sh
# SPDX-License-Identifier: MIT
# Only libhsaprobe-hip.so needs HIP; the command needs neither it nor the HSA runtime to start.
. "$(dirname "$0")/cli.sh"
needed() {
    readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
}
needed "$HSAPROBE" >list
[ -s list ] || complain "readelf shows nothing"
grep -q 'libhsaprobe.so' list || complain "the command doesn't use the library"
grep -qE 'amdhip64|hsa-runtime64|hsakmt|hsaprobe-hip|hsaprobe-softgpu' list &&
    complain "the command needs $(tr '\n' ' ' <list)"
needed "$(dirname "$HSAPROBE")/../lib/libhsaprobe-hip.so" | grep -q amdhip64 ||
    complain "libhsaprobe-hip.so doesn't need HIP"
finish
