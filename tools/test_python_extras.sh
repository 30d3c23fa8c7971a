#!/usr/bin/env bash
# The tests of the Python client with all that it works with: LlamaIndex, pymilvus and Milvus Lite beside
# what tools/test.sh has. Apart from that because of their size: 150 MB to download, 700 MB on disk, in a folder
# of the cache.
#   tools/test_python_extras.sh [PYTEST-OPTION...]     needs a built server; RERANKD_PROGRAM names another
set -euo pipefail
# shellcheck source=tools/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=tools/lib/client_tools.sh
. "$root/tools/lib/client_tools.sh"

reason=$(why_not python)
[[ -z $reason ]] || { say "SKIPPED: $reason" && exit 77; }
lock=tools/third_party/python-client-extras.txt
environment=$(python_packages python-client-extras)
if [[ ! -d $environment ]]; then
  log=$cache/python-extras.log
  mkdir -p "$cache"
  : >"$log"
  stage=$(mktemp -d "$cache/.extras.XXXXXX")
  trap 'stop_child; rm -rf "$stage"' EXIT
  PIP_REQUIRE_VIRTUALENV=0 with_progress "$log" "installing LlamaIndex, pymilvus and Milvus Lite (150 MB)" true \
    "$(client_python)" -m pip install --disable-pip-version-check --no-input --no-deps --require-hashes \
    --only-binary=:all: --target "$stage/out" -r "$root/$lock" ||
    { say "SKIPPED: the packages could not be fetched: $(grep -E '^ERROR' "$log" | tail -n 1)" && exit 77; }
  mv -T "$stage/out" "$environment"
fi
cd "$root/clients/python"
PYTHONPATH=src:$environment PYTHONDONTWRITEBYTECODE=1 \
  "$(client_python)" -m pytest -p no:cacheprovider -rs --no-fold-skipped tests "$@"
