"""The configurations of chart and manifests, as rerankd check-config finds them. Environment: as chart.py, and RERANKD."""
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import chart
from chart import HERE, ROOT, render, yaml


def with_comments(text):
    """The configuration, and then once more for each setting that a comment proposes, with it in place of its own."""
    yield text
    proposals = re.findall(r"^# ([a-z_]+:.*(?:\n#  .*)*)", text, re.MULTILINE)
    plain = re.sub(r"^#.*\n?", "", text, flags=re.MULTILINE)
    for proposal in (re.sub(r"^# ", "", p, flags=re.MULTILINE) for p in proposals):
        key = proposal.split(":")[0]
        yield re.sub(rf"^{key}:.*\n", "", plain, flags=re.MULTILINE).rstrip() + "\n" + proposal + "\n"


class ConfigTest(unittest.TestCase):
    """Files that secrets bring are there, in a folder of the test; there is the socket's place, too."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        for name in ("rerankd-tls", "rerankd-api-keys", "rerankd-keys"):
            (cls.folder / name).mkdir()
        pair = cls.folder / "rerankd-tls"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=test",
                        "-keyout", pair / "tls.key", "-out", pair / "tls.crt"], stderr=subprocess.DEVNULL, check=True)
        shutil.copy(pair / "tls.crt", pair / "ca.crt")
        (cls.folder / "rerankd-api-keys/keys").write_text(f"search sha256:{hashlib.sha256(b'key').hexdigest()}\n")
        (cls.folder / "rerankd-keys/voyage").write_text("pa-secret\n")

    def check(self, text):
        text = text.replace("/etc/rerankd-", f"{self.folder}/rerankd-").replace("unix:/run/rerankd/", f"unix:{self.folder}/")
        (self.folder / "config.yaml").write_text(text)
        result = subprocess.run([chart.RERANKD, "check-config", "--config", self.folder / "config.yaml"], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(result.returncode, 0, f"{text}\n{result.stdout}")

    def test_of_the_chart(self):
        for values in (None, *sorted((HERE / "charts/values").glob("*.yaml"))):
            with self.subTest(values and values.name):
                self.check(render(*(("-f", str(values)) if values else ()))["ConfigMap", "demo-rerankd"]["data"]["rerankd.yaml"])

    def test_of_the_manifests_and_what_their_comments_propose(self):
        proposed = 0
        for manifest in sorted((ROOT / "deploy/kubernetes").glob("*.yaml")):
            for item in yaml.safe_load_all(manifest.read_text()):
                for text in with_comments(item["data"]["rerankd.yaml"]) if item["kind"] == "ConfigMap" else ():
                    with self.subTest(manifest.name, text=text):
                        self.check(text)
                    proposed += 1
        self.assertGreater(proposed, 8)


if __name__ == "__main__":
    if chart.RERANKD is None:
        print("skipped: RERANKD names no program")
        sys.exit(77)
    chart.main()
