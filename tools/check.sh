#!/usr/bin/env bash
# The full check before a change is handed in, longer than what continuous integration runs: builds
# and tests the presets dev, asan, tsan and tidy one after the other, and checks the formatting.
#   tools/check.sh [PRESET...]
set -euo pipefail
# shellcheck source=tools/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

presets=("$@")
((${#presets[@]} > 0)) || presets=(dev asan tsan tidy)
"$root/tools/setup.sh" --checks

failed=()
git -C "$root" ls-files -z '*.h' '*.cc' | (cd "$root" && xargs -0 clang-format-19 --dry-run --Werror) ||
  failed+=(formatting)
for preset in "${presets[@]}"; do
  say "== $preset"
  "$root/tools/test.sh" "$preset" || failed+=("$preset")
done
((${#failed[@]} == 0)) || die "failed: ${failed[*]}"
say "all checks passed: formatting, ${presets[*]}"
