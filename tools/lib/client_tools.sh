# shellcheck shell=bash
# What the clients in other languages need for their code to be generated and tested. Each language is
# optional: where its tools are not installed, its tests are skipped and say so.

# version_of TEXT: the first number with a dot in it.
version_of() { grep -oE '[0-9]+\.[0-9]+' <<<"$1" | head -n 1; }
# newer VERSION LEAST: whether it is at least that.
newer() { printf '%s\n%s\n' "$2" "$1" | sort -VC; }

# why_not LANGUAGE: why it cannot be used on this machine; nothing when it can.
why_not() {
  local version
  case $1 in
    go)
      command -v go >/dev/null || { echo "go is not installed" && return; }
      version=$(version_of "$(GOTOOLCHAIN=local go version)")
      newer "$version" 1.25 || echo "go $version is too old, 1.25 is needed"
      ;;
    node)
      command -v node >/dev/null && command -v npm >/dev/null || { echo "node and npm are not installed" && return; }
      version=$(version_of "$(node --version)")
      newer "$version" 20.0 || echo "node $version is too old, 20 is needed"
      ;;
    java)
      command -v mvn >/dev/null && command -v javac >/dev/null || { echo "a JDK and mvn are not installed" && return; }
      version=$(version_of "$(javac -version 2>&1)")
      newer "$version" 17.0 || echo "java $version is too old, 17 is needed"
      ;;
    python)
      [[ -n $(client_python) ]] || echo "CPython 3.11 or 3.12 is not installed"
      ;;
  esac
}

# One that tools/third_party/python-client-tests.txt has wheels for; nothing where there is none.
client_python() {
  local python
  for python in python3 /usr/bin/python3 python3.12 python3.11; do
    "$python" -c 'import sys; sys.exit((sys.implementation.name, *sys.version_info[:2]) not in
      (("cpython", 3, 11), ("cpython", 3, 12)))' 2>/dev/null && echo "$python" && return
  done
  true
}
# tags_of PYTHON: as pip and wheels write its version: "3.11 cp311".
tags_of() { "$1" -c 'import sys; print("%d.%d cp%d%d" % (sys.version_info[:2] * 2))'; }
# python_packages LOCKFILE: the folder of what is pinned there, for that Python.
python_packages() {
  local tags
  tags=$(tags_of "$(client_python)")
  echo "$(locked_folder "$1" "tools/third_party/$1.txt")-${tags#* }"
}

have_python_packages() { [[ -n $(why_not python) || -d $(python_packages "$1") ]]; }
have_go_tools() { [[ -n $(why_not go) || -x $(go_tools)/grpcurl ]]; }
have_node_modules() { [[ -n $(why_not node) || -x $(node_modules)/.bin/protoc-gen-ts_proto ]]; }

# The functions below are tools/setup.sh's to call: they use what it has.
install_go_tools() {
  require_space 2000 "the Go tools of the tests"
  new_stage
  mkdir "$stage/out"
  # shellcheck disable=SC2154  # log and stage are setup.sh's
  with_progress "$log" "building grpcurl and the Go generators" true \
    env -C "$root/tools/third_party/go" GOBIN="$stage/out" GOFLAGS=-mod=readonly go install tool ||
    { optional "the Go tools of the tests" && return; }
  publish "$(go_tools)"
}

install_node_modules() {
  require_space 300 "the Node packages of the tests"
  new_stage
  mkdir "$stage/out"
  cp "$root"/clients/node/package{,-lock}.json "$stage/out"
  with_progress "$log" "fetching the Node client's packages" true \
    npm --prefix "$stage/out" ci --ignore-scripts --no-audit --no-fund ||
    { optional "the Node packages of the tests" && return; }
  publish "$(dirname "$(node_modules)")"
}

# install_python_packages LOCKFILE LABEL MEGABYTES
install_python_packages() {
  local tags target
  tags=$(tags_of "$(client_python)")
  target=$(python_packages "$1")
  # In a shell of its own: whatever ends it, what it was for is optional.
  (
    stage=
    install_wheels "$1.txt" "$2" "$3" "$target" --python-version "${tags% *}" --implementation cp \
      --abi "${tags#* }" --abi abi3 --abi none --platform manylinux_2_28_x86_64 \
      --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64
  ) || optional "$2"
}

# optional WHAT: what could not be fetched stops continuous integration, and nobody else.
optional() {
  [[ -z ${CI:-} ]] || die "$1 could not be fetched ($(tail -n 1 "$log" | cut -c1-300)); the whole output is in $log"
  say "$1 could not be fetched ($(tail -n 1 "$log" | cut -c1-300)); the tests that need them will be skipped"
}
