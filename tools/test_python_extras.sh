#!/usr/bin/env bash
# The tests of the Python client with all that it works with: LlamaIndex, pymilvus and Milvus Lite, PostgreSQL with
# pgvector, and OpenSearch where there is a JDK with Maven, beside what tools/test.sh has. Apart from that because of
# their size: 220 MB to download, 850 MB on disk, in folders of the cache. (PostgreSQL does not run as root: for root,
# the package pgserver makes a user of its own name.)
#   tools/test_python_extras.sh [PYTEST-OPTION...]     needs a built server; RERANKD_PROGRAM names another
set -euo pipefail
# shellcheck source=tools/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=tools/lib/client_tools.sh
. "$root/tools/lib/client_tools.sh"

reason=$(why_not python)
[[ -z $reason ]] || { say "SKIPPED: $reason" && exit 77; }
stage=
trap 'stop_child; [[ -z $stage ]] || rm -rf "$stage"' EXIT

# extras LOCKFILE WHAT: its packages into their folder, if they are not there.
extras() {
  local folder log=$cache/python-extras.log
  folder=$(python_packages "$1")
  [[ ! -d $folder ]] || return 0
  mkdir -p "$cache"
  : >"$log"
  stage=$(mktemp -d "$cache/.extras.XXXXXX")
  PIP_REQUIRE_VIRTUALENV=0 with_progress "$log" "installing $2" true \
    "$(client_python)" -m pip install --disable-pip-version-check --no-input --no-deps --require-hashes \
    --only-binary=:all: --target "$stage/out" -r "$root/tools/third_party/$1.txt" ||
    { say "SKIPPED: the packages could not be fetched: $(grep -E '^ERROR' "$log" | tail -n 1)" && exit 77; }
  mv -T "$stage/out" "$folder"
}
extras python-client-extras "LlamaIndex, pymilvus and Milvus Lite (150 MB)"
extras python-client-postgresql "PostgreSQL with pgvector (17 MB)"
packages=$(python_packages python-client-extras):$(python_packages python-client-postgresql)

run=("$root/tools/opensearch.sh" run) status=0
"$root/tools/opensearch.sh" fetch || status=$?
((status == 0 || status == 77)) || exit "$status"
((status == 0)) || run=() # its test is skipped, too
PYTHONPATH=src:$packages PYTHONDONTWRITEBYTECODE=1 env -C "$root/clients/python" \
  "${run[@]}" "$(client_python)" -m pytest -p no:cacheprovider -rs --no-fold-skipped tests "$@"
