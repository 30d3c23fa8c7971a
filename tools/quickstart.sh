#!/usr/bin/env bash
# From a fresh checkout to ranked documents: sets up what is missing, builds, starts the server on a
# free port of this machine with the default model, sends it a sample query, and stops it again.
#   tools/quickstart.sh [--keep]     --keep leaves the server running
set -euo pipefail
# shellcheck source=tools/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

keep=
case "$*" in
  '') ;;
  --keep) keep=1 ;;
  *) die "usage: tools/quickstart.sh [--keep]" ;;
esac

server=
cleanup() {
  stop_child
  [[ -z $server ]] || kill "$server" 2>/dev/null || true
}
trap cleanup EXIT
trap 'exit 130' INT TERM

"$root/tools/setup.sh"
configure release
build release rerankd rerankctl

bin=$root/build/release
state=$bin/quickstart
log=$state/server.log
sample=$root/tools/sample/dartmouth.json
mkdir -p "$state"
rm -f "$state/port"

# A session of its own, so that a server that is kept outlives this terminal; without the settings
# of a server of the user's own.
mapfile -t settings < <(compgen -e RERANKD_ | grep -v '^RERANKD_CACHE$' || true)
setsid env "${settings[@]/#/--unset=}" "$bin/server/rerankd" --listen 127.0.0.1:0 --port-file "$state/port" >"$log" 2>&1 &
server=$!
for ((tries = 0; tries < 1200; ++tries)); do
  [[ ! -e $state/port ]] || break
  kill -0 "$server" 2>/dev/null || {
    server=
    die "the server did not start: $(tail -n 1 "$log")"
  }
  sleep 0.05
done
[[ -e $state/port ]] || die "the server did not start within a minute; its log is $log"
address=127.0.0.1:$(<"$state/port")

ctl=("$bin/clients/cpp/rerankctl" --target "$address")
"${ctl[@]}" health --wait 60 >/dev/null || die "the server at $address is not healthy; its log is $log"
say "server: SERVING at $address"
say
read_sample() { python3 -c 'import json, sys; s = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$sample" "$1"; }
query=$(read_sample 's["query"]')
say "query: $query"
say
read_sample '"\n".join(json.dumps(d) for d in s["documents"])' |
  "${ctl[@]}" rerank --query "$query" --documents - --format jsonl --top-k 3 ||
  die "the sample request failed; the server's log is $log"
say

example() {
  say "  grpcurl -plaintext -d '{\"query\": \"what is a panda?\", \"documents\": [\"hi\", \"a bear of China\"], \"top_k\": 1}' $1 rerank.v1.RerankService/Rerank"
}
if [[ -n $keep ]]; then
  say "The server stays up at $address (log: $log). Call it:"
  example "$address"
  say "Stop it:"
  say "  kill $server"
  server=
else
  kill "$server"
  wait "$server" || die "the server did not stop as it should; its log is $log"
  server=
  say "server: stopped. To call it yourself, start it (it listens on 127.0.0.1:50051) and, in another terminal, call it:"
  say "  ${bin#"$PWD"/}/server/rerankd"
  example 127.0.0.1:50051
fi
