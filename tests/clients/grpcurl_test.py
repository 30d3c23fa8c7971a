"""Every line of clients/grpcurl.md, run by the real grpcurl against the real server.

Environment: RERANKD_SOURCE_DIR, RERANKD_PROGRAM, RERANKD_DEFAULT_MODEL_DIR.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["RERANKD_SOURCE_DIR"])
sys.path.insert(0, str(SOURCE / "tests" / "support"))
import gtest_style  # noqa: E402
from server_process import ServerProcess  # noqa: E402

ADDRESS, SOCKET = "127.0.0.1:50051", "/run/rerankd.sock"
INVALID_ARGUMENT = 64 + 3  # grpcurl adds 64 to the code


def shell(script, **options):
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120, **options)


def tools():
    """(the folder of grpcurl, or None; why not)"""
    found = shell(f'. {SOURCE}/tools/lib/common.sh; . {SOURCE}/tools/lib/client_tools.sh; go_tools; why_not go').stdout
    folder, *why = found.splitlines()
    if pathlib.Path(folder, "grpcurl").exists():
        return folder, ""
    return None, why[0] if why else "grpcurl is not installed; run tools/setup.sh --tests"


def commands():
    blocks = re.findall(r"^```sh\n(.*?)^```$", (SOURCE / "clients" / "grpcurl.md").read_text(), re.S | re.M)
    return [command for block in blocks for command in re.split(r"^(?=grpcurl )", block, flags=re.M) if command.strip()]


# What stands in a line, and what it answers. The first that fits counts; no line may fit none.
EXPECTED = [
    ("-format-error", lambda answer: answer["message"] == "documents[1] is empty"
        and {detail["@type"].rsplit(".", 1)[1] for detail in answer["details"]} >= {"ErrorInfo", "BadRequest"}),
    ("x-request-id: trace-42", lambda answer: [result["index"] for result in answer["results"]] == [1, 0]
        and answer["results"][0]["document"] == "a bear of China" and answer["score_kind"] == "SCORE_KIND_SIGMOID"),
    ("-d @", lambda answer: [result.get("index", 0) for result in answer["results"]] == [1, 0]),
    ("RerankService/Rerank", lambda answer: [result["index"] for result in answer["results"]] == [1]),
    ("RerankService/ListModels", lambda answer: [model["name"] for model in answer["models"]] == ["default", "ms-marco"]),
    ("RerankService/GetModel", lambda answer: answer["model"]["name"] == "default"),
    ("ReloadModel", lambda answer: answer["model"]["state"] == "MODEL_STATE_READY"),
    ("Health/Check", lambda answer: answer == {"status": "SERVING"}),
    (" list", lambda text: "rerank.v1.RerankService\n" in text),
    (" describe", lambda text: "repeated string documents = 2;" in text),
]


class GrpcurlTest(unittest.TestCase):
    def test_every_line_does_what_it_says(self):
        grpcurl, why = tools()
        if grpcurl is None:
            # Continuous integration can fetch it, where it has Go.
            assert not (os.environ.get("CI") and "setup.sh" in why), why
            self.skipTest(why)
        model = os.environ["RERANKD_DEFAULT_MODEL_DIR"]
        with tempfile.TemporaryDirectory() as folder:
            config = self.prepare(pathlib.Path(folder), model)
            socket = f"{folder}/socket"
            with ServerProcess("--config", config) as server, \
                    ServerProcess("--config", config, "--listen", f"unix:{socket}"):
                for command in commands():
                    with self.subTest(command):
                        self.check(command.replace(ADDRESS, server.address).replace(SOCKET, socket), grpcurl, folder)

    def prepare(self, folder, model):
        """The files that the lines name, and a configuration with the models that they name; its path."""
        (folder / "share" / "rerankd").mkdir(parents=True)
        shutil.copytree(SOURCE / "proto", folder / "share" / "rerankd" / "proto")
        (folder / "request.json").write_text(json.dumps(
            {"query": "what is a panda?", "documents": ["hi", "a bear of China"]}))
        config = folder / "rerankd.yaml"
        cross = SOURCE / "tests" / "data" / "models" / "tiny-cross-encoder"
        config.write_text(f"admin: true\nmodels:\n  - {{name: default, path: {model}}}\n"
                          f"  - {{name: ms-marco, path: {cross}}}\n")
        return str(config)

    def check(self, command, grpcurl, folder):
        done = shell(command, cwd=folder, env=os.environ | {"PATH": f"{grpcurl}:{os.environ['PATH']}"})
        fits = [expected for text, expected in EXPECTED if text in command]
        self.assertTrue(fits, "say in EXPECTED what this line answers")
        failing = "-format-error" in command
        self.assertEqual(done.returncode, INVALID_ARGUMENT if failing else 0, done.stderr)
        output = done.stderr if failing else done.stdout
        answer = json.loads(output) if output.startswith("{") else output
        self.assertTrue(fits[0](answer), output)


if __name__ == "__main__":
    gtest_style.main()
