# shellcheck shell=bash
# What the scripts in tools/ share. Source it; it sets `root` (the checkout) and `cache`.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say() { printf '%s\n' "$*"; }

# Every failure is one line on stderr that says what to do.
die() {
  trap - ERR
  [[ -t 1 ]] && printf '\r\033[K'
  printf '%s: error: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# A command that nobody expected to fail; without this, `set -e` would leave without a word.
trap 'die "line $LINENO: \"$BASH_COMMAND\" failed"' ERR
set -E

# Third-party parts live outside the checkout. The same rule is in cmake/Dependencies.cmake.
[[ -n ${RERANKD_CACHE:-}${XDG_CACHE_HOME:-}${HOME:-} ]] ||
  die "HOME is not set; set RERANKD_CACHE to the folder for third-party parts"
cache=${RERANKD_CACHE:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/rerankd}
[[ $cache = /* ]] || cache=$PWD/$cache
export RERANKD_CACHE=$cache

# The folder in the cache of what a file locks: another lock is another folder.
#   locked_folder NAME FILE
locked_folder() { echo "$cache/$1-$(sha256sum "$root/$2" | cut -c1-12)"; }
# Where tools/setup.sh --tests puts what the clients in other languages need.
go_tools() { locked_folder go-tools tools/third_party/go/go.sum; }
node_modules() { echo "$(locked_folder node-client clients/node/package-lock.json)/node_modules"; }

# Runs a command with its output in a log file. While it runs, shows LABEL and what the command
# PROGRESS prints: all the time on a terminal, once a minute elsewhere. Returns the command's status.
#   with_progress LOG LABEL PROGRESS COMMAND...
child=
with_progress() {
  local log=$1 label=$2 progress=$3 start=$SECONDS shown=$SECONDS status=0
  shift 3
  [[ -t 1 ]] || say "$label ..."
  "$@" >>"$log" 2>&1 &
  child=$!
  while kill -0 "$child" 2>/dev/null; do
    if [[ -t 1 ]]; then
      printf '\r\033[K%s ... %s' "$label" "$($progress 2>/dev/null || true)"
    elif ((SECONDS - shown >= 60)); then
      shown=$SECONDS
      say "$label ... $($progress 2>/dev/null || true) after $((SECONDS - start)) s"
    fi
    sleep 0.3
  done
  wait "$child" || status=$?
  child=
  [[ -t 1 ]] && printf '\r\033[K'
  ((status != 0)) || say "$label: done in $((SECONDS - start)) s"
  return "$status"
}

# Background commands of a script ignore Ctrl-C, so their end is ours to bring about.
stop_child() { [[ -z $child ]] || kill "$child" 2>/dev/null || true; }

# configure PRESET: CMake for a preset, quick when nothing changed. A build folder that still points
# at a cache that is gone starts afresh.
configure() {
  local preset=$1 build=$root/build/$1 log=$root/build/$1.log fresh=() libtorch
  mkdir -p "$root/build"
  : >"$log"
  if [[ -f $build/CMakeCache.txt ]]; then
    libtorch=$(sed -n 's/^LibTorch_CPU_LIBRARY:[A-Z]*=//p' "$build/CMakeCache.txt")
    [[ -z $libtorch || -e $libtorch ]] || fresh=(--fresh)
  fi
  with_progress "$log" "configuring build/$preset" true \
    env -C "$root" cmake --preset "$preset" "${fresh[@]}" || build_failed "$log" "configuring"
}

# build PRESET TARGET...: compiles; the last lines of the log are shown when that fails.
build() {
  local preset=$1 log=$root/build/$1.log
  shift
  # shellcheck disable=SC2016  # expanded by the inner shell
  with_progress "$log" "building $*" "ninja_progress $log" \
    env -C "$root" cmake --build --preset "$preset" --target "$@" || build_failed "$log" "building"
}

ninja_progress() { grep -oE '^\[[0-9]+/[0-9]+\]' "$1" | tail -n 1; }

build_failed() {
  tail -n 30 "$1" >&2
  die "$2 failed; the lines above are the end of $1"
}
