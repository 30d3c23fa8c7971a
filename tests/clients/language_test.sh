#!/usr/bin/env bash
# Runs the tests of a client in another language with that language's own test runner.
#   language_test.sh LANGUAGE FOLDER    FOLDER: for what the build of it leaves behind
# Exit status 77, and a line "SKIPPED: reason", where the language is not installed. Packages that cannot
# be fetched are a reason too, but not in continuous integration, which has the registries.
# Environment: RERANKD_PROGRAM, the server.
set -euo pipefail
# shellcheck source=tools/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../tools/lib/common.sh"
# shellcheck source=tools/lib/client_tools.sh
. "$root/tools/lib/client_tools.sh"

skip() { echo "SKIPPED: $*" && exit 77; }

# no_packages WHY: fails in continuous integration, skips elsewhere.
no_packages() {
  [[ -z ${CI:-} ]] || die "packages are missing: $1"
  skip "packages are missing: $1"
}

test_go() {
  cd "$root/clients/go"
  export GOFLAGS=-mod=readonly
  local output
  output=$(go mod download 2>&1) || no_packages "$(tail -n 1 <<<"$output")"
  go vet ./...
  go test -count=1 -v ./...
}

test_node() {
  [[ -x $(node_modules)/.bin/tsc ]] || no_packages "run tools/setup.sh --tests"
  # A copy, so that the checkout stays as it is.
  rm -rf "${folder:?}"/{src,test,dist,dist-test}
  cp -r "$root"/clients/node/{package.json,tsconfig.json,README.md,src,test} "$folder"
  ln -sfn "$(node_modules)" "$folder/node_modules"
  cd "$folder"
  node_modules/.bin/tsc
  node_modules/.bin/tsc -p test
  node --test --test-reporter=tap dist-test/test/client.test.js
}

test_java() {
  rm -rf "${folder:?}"/{src,target}
  cp -r "$root"/clients/java/{pom.xml,src} "$folder"
  cd "$folder"
  mvn -B -ntp -Dproto="$root/proto" test 2>&1 | tee mvn.log && return
  ! grep -qE 'Could not (resolve|transfer)|Unable to resolve artifact|was not found in .* during a previous attempt' mvn.log ||
    no_packages "$(grep -m 1 -oE '(Could not|Unable to resolve).*' mvn.log | cut -c1-200)"
  exit 1
}

# The client itself is not installed: its source is what is tested, and one test builds its wheel.
test_python() {
  local packages
  packages=$(python_packages python-client-tests)
  [[ -d $packages ]] || no_packages "run tools/setup.sh --tests"
  cd "$root/clients/python"
  PYTHONPATH=src:$packages PYTHONDONTWRITEBYTECODE=1 \
    "$(client_python)" -m pytest -p no:cacheprovider -rA --show-capture=no --no-fold-skipped tests
}

language=$1 folder=$2
reason=$(why_not "$language")
[[ -z $reason ]] || skip "$reason"
mkdir -p "$folder"
"test_$language"
