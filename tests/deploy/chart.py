"""Renders the chart, for the tests of it. They are skipped where helm or PyYAML is not installed.

Environment, all optional: RERANKD_HELM and RERANKD_PROMTOOL, the programs (else those in PATH); RERANKD_KUBE_MODELS, the node_modules with
the types of the operators' kinds; RERANKD and RERANKCTL, the project's programs.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

try:
    import yaml
except ImportError:
    yaml = None


def program(variable, name=None):
    """The one that an environment variable names, else that of PATH; None where there is none to run."""
    return shutil.which(os.environ.get(variable, "")) or (name and shutil.which(name))


HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CHART = ROOT / "deploy" / "helm" / "rerankd"
# Helm without a cluster assumes whatever version it was built with.
KUBERNETES = "1.34.0"
HELM = program("RERANKD_HELM", "helm")
PROMTOOL = program("RERANKD_PROMTOOL", "promtool")
RERANKD = program("RERANKD")
RERANKCTL = program("RERANKCTL")


def template(chart, *arguments):
    # Helm keeps files of its own, which are not the test's to leave behind.
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {f"HELM_{kind}_HOME": home for kind in ("CACHE", "CONFIG", "DATA")}
        return subprocess.run([HELM, "template", "demo", str(chart), "--namespace", "search", "--kube-version", KUBERNETES, *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True, check=False)


def render(*arguments, chart=CHART):
    """{(kind, name): object}; no key of a mapping may stand there twice."""
    result = template(chart, *arguments)
    if result.returncode != 0:
        raise AssertionError(result.stderr)
    return {(o["kind"], o["metadata"]["name"]): o for o in objects_of(result.stdout)}


def render_sidecar(*arguments):
    """The chart beside a search service, in a chart of that."""
    with tempfile.TemporaryDirectory() as folder:
        search = pathlib.Path(folder) / "search"
        shutil.copytree(HERE / "charts/search", search)
        shutil.copytree(CHART, search / "charts/rerankd")
        return render(*arguments, chart=search)


def refusal(*arguments):
    """What helm says when it refuses."""
    result = template(CHART, *arguments)
    if result.returncode == 0:
        raise AssertionError(f"helm takes {arguments}")
    return result.stderr


def strict_loader():
    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node, deep=False):
            keys = [key.value for key, _ in node.value]
            if twice := {key for key in keys if keys.count(key) > 1}:
                raise AssertionError(f"twice in one mapping: {twice}{node.start_mark}")
            return super().construct_mapping(node, deep)
    return Loader


def objects_of(text):
    return [o for o in yaml.load_all(text, Loader=strict_loader()) if o]


def pod_of(objects, name="demo-rerankd"):
    return objects["Deployment", name]["spec"]["template"]["spec"]


def config_of(objects, name="demo-rerankd"):
    return yaml.safe_load(objects["ConfigMap", name]["data"]["rerankd.yaml"])


def main():
    if HELM is None or yaml is None:
        print("skipped: helm or PyYAML is not installed")
        sys.exit(77)
    unittest.main()
