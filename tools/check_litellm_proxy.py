#!/usr/bin/env python3
"""rerankd's `cohere` kind against a server of Cohere's format that is nobody's of ours: LiteLLM's proxy.

The proxy passes calls on to tests/support/fake_providers.py. What comes back through it is compared with
what the same provider answers directly, and refusals with what they should be; exit status 1 when
something differs.

  python3 -m venv .cache/litellm && .cache/litellm/bin/pip install -r tools/litellm_requirements.txt
  .cache/litellm/bin/python tools/check_litellm_proxy.py [RERANKD]

RERANKD is the server's binary (build/release/server/rerankd). The proxy takes about 20 s to start.
"""
import argparse
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROXY_KEY = "sk-key-of-the-proxy"
PROVIDER_KEY = "key-of-the-provider"
QUERY = "When was artificial intelligence founded as a discipline?"
DOCUMENTS = ["It was founded as a discipline in 1956, at Dartmouth.", "Turing wrote in 1950.\nÜber \"Maschinen\" \u2028.",
             "The Perceptron is of 1958.", "When it was founded? As a discipline, artificial intelligence is of 1956."]


def start_provider():
    process = subprocess.Popen([sys.executable, ROOT / "tests/support/fake_providers.py"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return process, json.loads(process.stdout.readline())["http"]


def requests_of(provider):
    with urllib.request.urlopen(provider + "/_requests") as answer:
        return json.load(answer)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_proxy(folder, provider):
    port = free_port()
    config = folder / "litellm.yaml"
    config.write_text(json.dumps({  # JSON is YAML
        "model_list": [{"model_name": "rerank-v3.5",
                        "litellm_params": {"model": "cohere/rerank-v3.5", "api_base": provider + "/cohere",
                                           "api_key": PROVIDER_KEY}}],
        "general_settings": {"master_key": PROXY_KEY},
        # Else one refusal makes it refuse everything for a while, and it repeats by itself.
        "router_settings": {"disable_cooldowns": True, "num_retries": 0}}))
    environment = dict(os.environ, LITELLM_LOCAL_MODEL_COST_MAP="True", NO_PROXY="*")
    log = open(folder / "litellm.log", "wb")
    process = subprocess.Popen([pathlib.Path(sys.executable).parent / "litellm", "--config", config, "--host", "127.0.0.1",
                                "--port", str(port)], env=environment, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            urllib.request.urlopen(url + "/health/liveliness", timeout=1)
            return process, url
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.2)
    process.kill()
    sys.exit("the proxy does not start:\n" + (folder / "litellm.log").read_text()[-2000:])


def start_rerankd(binary, folder, provider, proxy):
    import rerank_rpc
    entry = {"kind": "cohere", "model": "rerank-v3.5", "max_retries": 0, "breaker_calls": 0}
    models = [{"name": "direct", "base_url": provider + "/cohere", "api_key_env": "PROVIDER_KEY", **entry},
              {"name": "proxied", "base_url": proxy, "api_key_env": "PROXY_KEY", **entry},
              {"name": "stranger", "base_url": proxy, "api_key_env": "WRONG_KEY", **entry}]
    os.environ.update(PROVIDER_KEY=PROVIDER_KEY, PROXY_KEY=PROXY_KEY, WRONG_KEY="sk-wrong", no_proxy="*")
    config = folder / "rerankd.yaml"
    config.write_text(json.dumps({"models": models}))
    server = rerank_rpc.Server(binary, ["--config", str(config)])
    return server, rerank_rpc.Client(server.target)


class Check:
    def __init__(self, client):
        self.client = client
        self.failed = 0

    def expect(self, what, good, seen):
        self.failed += not good
        print(f"{'ok     ' if good else 'DIFFERS'} {what}: {seen}")

    def same_answer(self, what, **fields):
        direct, proxied = (self.client.rerank(QUERY, DOCUMENTS, model=model, **fields) for model in ("direct", "proxied"))
        results = [[(result.index, result.score) for result in answer.results] for answer in (direct, proxied)]
        self.expect(what, results[0] == results[1] and proxied.usage.billed_units == direct.usage.billed_units,
                    f"{results[1]}, billed {proxied.usage.billed_units:g}")

    def refusal(self, what, codes, model="proxied", query=QUERY):
        import grpc
        try:
            self.client.rerank(query, DOCUMENTS, model=model)
            code, said = "OK", ""
        except grpc.RpcError as error:
            code, said = error.code().name, error.details()
        secret = any(key in said for key in (PROXY_KEY, PROVIDER_KEY, "sk-wrong"))
        self.expect(what, code in codes and not secret, f"{code}: {said[:150]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rerankd", nargs="?", default="build/release/server/rerankd")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rerankd-litellm-") as name:
        folder = pathlib.Path(name)
        provider_process, provider = start_provider()
        proxy_process, proxy = start_proxy(folder, provider)
        server, client = start_rerankd(arguments.rerankd, folder, provider, proxy)
        check = Check(client)
        try:
            check.same_answer("all documents")
            check.same_answer("the best two", top_k=2)
            sent = requests_of(provider)[-1]
            check.expect("what the provider got through it",
                         sent["path"] == "/cohere/v2/rerank" and sent["body"]["documents"] == DOCUMENTS
                         and sent["headers"]["authorization"] == "Bearer " + PROVIDER_KEY,
                         f"{sent['path']}, members {sorted(sent['body'])}")
            check.refusal("the provider refuses the call", {"INVALID_ARGUMENT"}, query="fault:status:400")
            check.refusal("the provider's rate limit", {"RESOURCE_EXHAUSTED"}, query="fault:status:429")
            check.refusal("the provider is down", {"UNAVAILABLE"}, query="fault:status:503")
            # Without a database it says 400 ("No connected db.") to a key that it does not know.
            check.refusal("a wrong key for the proxy", {"FAILED_PRECONDITION", "INVALID_ARGUMENT"}, model="stranger")
        finally:
            server.stop()
            proxy_process.terminate()
            proxy_process.wait()
            provider_process.stdin.close()
            provider_process.wait()
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "tools"))
    sys.exit(main())
