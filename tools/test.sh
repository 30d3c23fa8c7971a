#!/usr/bin/env bash
# Sets up what is missing, builds everything and runs every test.
#   tools/test.sh [PRESET]     a preset of CMakePresets.json: release (default), dev, asan, tsan, tidy
set -euo pipefail
# shellcheck source=tools/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
trap stop_child EXIT
trap 'exit 130' INT TERM

preset=${1:-release}
"$root/tools/setup.sh" --tests
configure "$preset"
build "$preset" all

status=0
env -C "$root" ctest --preset "$preset" --parallel "$(nproc)" || status=$?
python3 "$root/tools/lib/test_summary.py" "$root/build/$preset/Testing/Temporary/LastTest.log"
exit "$status"
