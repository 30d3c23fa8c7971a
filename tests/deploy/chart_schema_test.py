"""Every object of the manifests and of the chart is what its API takes, misspelt fields included: Kubernetes' own kinds by
the strict schemas of three versions, those of operators by the types that their projects publish.
"""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import chart
from chart import HERE, ROOT, objects_of, render, render_sidecar

try:
    import kubernetes_validate
except ImportError:
    kubernetes_validate = None

# The oldest that the chart takes, the one that it is tried on, the newest that is known.
VERSIONS = ("1.30", "1.34", "1.37")
# kind: the module of its type
OPERATORS = {
    "ServiceMonitor": "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor",
    "PrometheusRule": "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PrometheusRule",
    "ScaledObject": "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject",
}
MODELS = pathlib.Path(os.environ.get("RERANKD_KUBE_MODELS", "none"))


def everything():
    """Objects of the manifests, and of the chart under each of its cases, equal ones once."""
    found = [o for path in sorted((ROOT / "deploy/kubernetes").glob("*.yaml")) for o in objects_of(path.read_text())]
    for arguments in ((), *(("-f", str(path)) for path in sorted((HERE / "charts/values").glob("*.yaml")))):
        found += render(*arguments).values()
    found += render_sidecar().values()
    return list({json.dumps(o): o for o in found}.values())


def complaints(objects):
    """What TypeScript says of fields and types, and then the validators of values and of what has to be there."""
    imports = "".join(f'import {{ {kind}, I{kind} }} from "{module}";\n' for kind, module in OPERATORS.items())
    literals = "".join(f"const object{i}: I{o['kind']} = {json.dumps(o)};\nnew {o['kind']}(object{i}).validate();\n" for i, o in enumerate(objects))
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(MODELS, f"{folder}/node_modules")
        pathlib.Path(folder, "package.json").write_text('{"type": "module"}')
        pathlib.Path(folder, "objects.ts").write_text(imports + literals)
        compiler = subprocess.run([MODELS / ".bin/tsc", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext", "objects.ts"],
                                  cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
        if compiler.returncode != 0:
            return compiler.stdout
        return subprocess.run(["node", "objects.js"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout


class SchemaTest(unittest.TestCase):
    @unittest.skipIf(kubernetes_validate is None, "kubernetes-validate is not installed")
    def test_kinds_of_kubernetes(self):
        objects = [o for o in everything() if o["kind"] not in OPERATORS]
        self.assertLessEqual({"Deployment", "Service", "ConfigMap", "HorizontalPodAutoscaler", "NetworkPolicy", "PodDisruptionBudget"},
                             {o["kind"] for o in objects})
        for version in VERSIONS:
            for item in objects:
                with self.subTest(version=version, kind=item["kind"]):
                    kubernetes_validate.validate(item, version, strict=True)
        with self.assertRaises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate({**objects[0], "metdata": {}}, VERSIONS[0], strict=True)

    @unittest.skipUnless(MODELS.is_dir() and shutil.which("node"), "the operators' types are not there; tools/setup.sh --tests brings them")
    def test_kinds_of_operators(self):
        objects = [o for o in everything() if o["kind"] in OPERATORS]
        self.assertEqual({o["kind"] for o in objects}, set(OPERATORS))
        self.assertEqual(complaints(objects), "")
        # Each half of the check sees what the other does not.
        monitor = next(o for o in objects if o["kind"] == "ServiceMonitor")
        endpoint = monitor["spec"]["endpoints"][0]
        for wrong, said in (({**endpoint, "intervall": "15s"}, "intervall"), ({**endpoint, "interval": "15 s"}, "interval must match")):
            self.assertIn(said, complaints([{**monitor, "spec": {**monitor["spec"], "endpoints": [wrong]}}]))


if __name__ == "__main__":
    chart.main()
