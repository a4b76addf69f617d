#!/bin/bash
# SPDX-License-Identifier: MIT
# The shell scripts parse, and shellcheck (where installed) has nothing to say about them.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
status=0
for script in tools/demo tools/check tools/lib.sh .ci/run tests/arch/*.sh tests/e2e/*.sh; do
    bash -n "$script" || status=1
done
if ! command -v shellcheck >/dev/null; then
    echo "shellcheck: not installed; only the syntax was checked"
    exit $status
fi
shellcheck -x tools/demo tools/check .ci/run && shellcheck tools/lib.sh tests/arch/*.sh tests/e2e/*.sh || status=1
exit $status
