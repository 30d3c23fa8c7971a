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

# packages_or_skip COMMAND...: what fetches the packages, and does nothing when they are there.
packages_or_skip() {
  local output
  output=$("$@" 2>&1) && return
  printf '%s\n' "$output"
  [[ -z ${CI:-} ]] || die "packages are missing; the lines above say why, or run tools/setup.sh --tests"
  skip "packages are missing: $(tail -n 1 <<<"${output:-run tools/setup.sh --tests}" | cut -c1-200)"
}

test_go() {
  cd "$root/clients/go"
  export GOFLAGS=-mod=readonly
  packages_or_skip go mod download
  go vet ./...
  go test -count=1 -v ./...
}

test_node() {
  packages_or_skip test -x "$(node_modules)/.bin/tsc"
  # A copy, so that the checkout stays as it is.
  rm -rf "${folder:?}"/{src,test,dist,dist-test}
  cp -r "$root"/clients/node/{package.json,tsconfig.json,README.md,src,test} "$folder"
  ln -sfn "$(node_modules)" "$folder/node_modules"
  cd "$folder"
  node_modules/.bin/tsc
  node_modules/.bin/tsc -p test
  node --test --test-reporter=tap dist-test/test/client.test.js
}

language=$1 folder=$2
reason=$(why_not "$language")
[[ -z $reason ]] || skip "$reason"
mkdir -p "$folder"
"test_$language"
