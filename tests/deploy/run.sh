#!/usr/bin/env bash
# Runs a test of this folder with what tools/setup.sh --tests has brought: helm, PyYAML, schemas.
#   run.sh NAME
set -euo pipefail
# shellcheck source=tools/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../tools/lib/common.sh"
# shellcheck source=tools/lib/client_tools.sh
. "$root/tools/lib/client_tools.sh"
# shellcheck source=tools/lib/deploy_tools.sh
. "$root/tools/lib/deploy_tools.sh"

python=$(client_python)
# Another Python has to bring PyYAML itself.
[[ -z $python ]] || PYTHONPATH=$(python_packages deploy-tests)
RERANKD_HELM=$(helm_program) RERANKD_PROMTOOL=$cache/prometheus/promtool RERANKD_KUBE_MODELS=$(kube_models) PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=${PYTHONPATH:-} \
  exec "${python:-python3}" "$root/tests/deploy/$1.py"
