#!/usr/bin/env bash
# An OpenSearch of one's own, for the example and the test that search in one.
#   tools/opensearch.sh fetch            brings it (53 MB) from Maven Central into the cache, if it is not there
#   tools/opensearch.sh run COMMAND...   fetches and starts it on a free port (9201 to 9299) of the loopback interface,
#                                        runs the command with RERANKD_OPENSEARCH_URL, and stops it
# Exit status: the command's; 77, and a line "SKIPPED: reason", where it cannot be had.
# It has BM25 and no plugins, keeps nothing, and takes half a GB of memory.
set -euo pipefail
# shellcheck source=tools/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=tools/lib/client_tools.sh
. "$root/tools/lib/client_tools.sh"

skip() { say "SKIPPED: $*" && exit 77; }

pinned=$root/tools/third_party/opensearch
jars=$(locked_folder opensearch tools/third_party/opensearch/jars.sha256)
stage= server=
cleanup() {
  stop_child
  [[ -z $server ]] || { kill "$server" 2>/dev/null && wait "$server" || true; }
  [[ -z $stage ]] || rm -rf "$stage"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fetch() {
  [[ ! -d $jars ]] || return 0
  local log=$cache/opensearch.log
  mkdir -p "$cache"
  : >"$log"
  stage=$(mktemp -d "$cache/.opensearch.XXXXXX")
  with_progress "$log" "fetching OpenSearch 2.19.1 (53 MB)" true mvn -B -ntp -f "$pinned/pom.xml" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$stage/jars" ||
    skip "OpenSearch could not be fetched: $(grep -m 1 '^\[ERROR\]' "$log" | cut -c1-300)"
  (cd "$stage/jars" && sha256sum --check --strict --quiet "$pinned/jars.sha256" && [[ $(ls | wc -l) -eq $(wc -l <"$pinned/jars.sha256") ]]) \
    >>"$log" 2>&1 || die "what was fetched is not what $pinned/jars.sha256 names; nothing of it is used; $log has the details"
  mv -T "$stage/jars" "$jars"
  rm -rf "$stage"
  stage=
}

start() {
  stage=$(mktemp -d "${TMPDIR:-/tmp}/rerankd-opensearch.XXXXXX")
  java -Xms256m -Xmx512m -cp "$jars/*" org.codelibs.opensearch.runner.OpenSearchRunner -basePath "$stage/data" \
    -numOfNode 1 -clusterName rerankd-example >"$stage/log" 2>&1 &
  server=$!
  # It looks for a free port itself, and says which.
  local address=
  until [[ -n $address ]]; do
    kill -0 "$server" 2>/dev/null || die "OpenSearch did not start: $(tail -n 3 "$stage/log")"
    ((SECONDS < 180)) || die "OpenSearch did not start within three minutes: $(tail -n 3 "$stage/log")"
    sleep 0.2
    address=$(sed -n 's/.*HttpServerTransport\] publish_address {\([^}]*\)}.*/\1/p' "$stage/log")
  done
  export RERANKD_OPENSEARCH_URL=http://$address
}

usage="usage: tools/opensearch.sh fetch | run COMMAND..."
reason=$(why_not java)
[[ -z $reason ]] || skip "$reason"
case ${1:-} in
  fetch)
    (($# == 1)) || die "$usage"
    fetch
    ;;
  run)
    (($# >= 2)) || die "$usage"
    fetch
    start
    "${@:2}" || exit $?
    ;;
  *) die "$usage" ;;
esac
