#!/bin/sh
# SPDX-License-Identifier: MIT
# Each rule of check_tree.sh passes on a small clean tree and fails on the same tree with one
# violation planted, naming the file.
set -u
here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/lib/probe" "$tree/lib/softgpu/cp" "$tree/tools/hsaprobe" "$tree/kernels" \
    "$tree/tests" "$tree/.ci"
cp "$here/../../.clang-format" "$tree/"
failures=0
spdx='/* SPDX-License-Identifier: MIT */'

clean() {
    echo '# SPDX-License-Identifier: MIT' >"$tree/CMakeLists.txt"
    printf '%s\n#include "abi/aql.h"\n#include <hsa/hsa.h>\n#include <stdio.h>\n' "$spdx" \
        >"$tree/lib/probe/queue.c"
    printf '%s\n#include "softgpu/cp/cp.h"\n#include "softgpu/mem/vm.h"\n' "$spdx" \
        >"$tree/lib/softgpu/cp/ring.c"
    printf '%s\n#include "abi/softgpu.h"\n' "$spdx" >"$tree/tools/hsaprobe/device.c"
    rm -f "$tree/lib/stray.c"
}

# expect RULE STATUS TEXT: what the rule says about the tree as it is now.
expect() {
    output=$(sh "$here/check_tree.sh" "$1" "$tree" 2>&1)
    status=$?
    [ $status -eq 77 ] && return
    if [ $status -ne "$2" ] || ! echo "$output" | grep -q -e "$3"; then
        echo "FAILED: $1: expected exit $2 and '$3', got exit $status: $output"
        failures=$((failures + 1))
    fi
}

# plant FILE LINE RULE TEXT
plant() {
    clean
    echo "$2" >>"$tree/$1"
    expect "$3" 1 "$4"
}

clean
expect includes 0 'all includes as the table has them'
expect spdx 0 ''
expect length 0 ''
expect format 0 ''

plant lib/probe/queue.c '#include "softgpu/cp/cp.h"' includes 'queue.c:5: lib/probe must not'
plant lib/probe/queue.c '#  include   <jansson.h>' includes "json isn't its business"
plant lib/softgpu/cp/ring.c '#include <hsaprobe/queue.h>' includes 'ring.c:4: lib/softgpu/cp must'
plant lib/softgpu/cp/ring.c '#include "softgpu/kfd/kfd.h"' includes 'must not include softgpu/kfd'
plant lib/softgpu/cp/ring.c '#include <hsa/hsa.h>' includes "hsa isn't its business"
plant tools/hsaprobe/device.c '#include "abi/aql.h"' includes 'must not include abi/aql.h'
clean
echo "$spdx" >"$tree/lib/stray.c"
expect includes 1 'stray.c:1: no row'

clean
echo 'int x;' >"$tree/lib/stray.c"
expect spdx 1 'lib/stray.c: no SPDX line'

clean
yes '/* a line */' | head -n 800 >>"$tree/lib/probe/queue.c"
expect length 1 'queue.c: 804 lines'

plant lib/probe/queue.c 'int  badly( int  spaced );' format 'queue.c:5'

echo "$failures failures"
[ $failures -eq 0 ]
