# shellcheck shell=bash
# What the tests of the chart and the manifests need: helm, the schemas of Kubernetes, and the types of the operators'
# own kinds. Each is optional, as client_tools.sh has it, which is to be sourced before.

helm_program() { echo "$(locked_folder helm tools/third_party/helm/go.sum)/helm"; }
kube_models() { echo "$(locked_folder kube-models tools/third_party/kube-models/package-lock.json)/node_modules"; }

# Helm asks for a later Go than the clients do.
why_no_helm() {
  local reason
  reason=$(why_not go)
  [[ -z $reason ]] || { echo "$reason" && return; }
  newer "$(version_of "$(GOTOOLCHAIN=local go version)")" 1.26 || echo "go is older than 1.26"
}

have_deploy_tools() {
  { [[ -n $(why_no_helm) || -x $(helm_program) ]]; } && have_python_packages deploy-tests &&
    { [[ -n $(why_not node) || -x $(kube_models)/.bin/tsc ]]; }
}

# The functions below are tools/setup.sh's to call: they use what it has.
install_deploy_tools() {
  [[ -n $(why_no_helm) || -x $(helm_program) ]] || install_helm
  have_python_packages deploy-tests || install_python_packages deploy-tests "the schemas of Kubernetes" 24
  [[ -n $(why_not node) || -x $(kube_models)/.bin/tsc ]] || install_kube_models
}

install_helm() {
  require_space 3000 "helm"
  new_stage
  mkdir "$stage/out"
  # shellcheck disable=SC2154  # log and stage are setup.sh's
  with_progress "$log" "building helm" true \
    env -C "$root/tools/third_party/helm" GOBIN="$stage/out" GOFLAGS=-mod=readonly go install -trimpath -ldflags="-s -w" tool ||
    { optional "helm" && return; }
  publish "$(dirname "$(helm_program)")"
}

install_kube_models() {
  require_space 200 "the types of the operators' kinds"
  new_stage
  mkdir "$stage/out"
  cp "$root"/tools/third_party/kube-models/package{,-lock}.json "$stage/out"
  with_progress "$log" "fetching the types of the operators' kinds" true \
    npm --prefix "$stage/out" ci --ignore-scripts --no-audit --no-fund ||
    { optional "the types of the operators' kinds" && return; }
  publish "$(dirname "$(kube_models)")"
}
