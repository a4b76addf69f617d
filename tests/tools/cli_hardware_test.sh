#!/bin/sh
# SPDX-License-Identifier: MIT
# --device hw on a machine without a GPU: exit code 77, and never the software GPU instead.
. "$(dirname "$0")/cli.sh"
[ -e /dev/kfd ] && exit 77
refuse 77 'AMD GPU: /dev/kfd: No such file or directory' info --device hw
refuse 77 'AMD GPU: /dev/kfd: No such file or directory' layers --device hw:0
finish
