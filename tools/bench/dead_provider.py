#!/usr/bin/env python3
"""What a hosted model whose provider is silent does to the other models of the server.

One caller asks a model that is computed here, and then a hosted one that answers, one call after the other:
first alone, then while --calls others ask, all at once and again and again, a hosted model whose provider
(tests/support/fake_providers.py) takes every call and never answers. Prints the latencies, and what health says.

  .cache/venv/bin/python tools/bench/dead_provider.py [RERANKD] --model FOLDER[:bi_encoder] [--calls 1030] [--seconds 20]
"""
import argparse
import collections
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import grpc  # noqa: E402
import rerank_rpc  # noqa: E402

DOCUMENTS = [f"Document {i} says when something was founded, and by whom, in some twenty words that are much alike." for i in range(4)]


def start_provider():
    process = subprocess.Popen([sys.executable, ROOT / "tests/support/fake_providers.py"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    return process, json.loads(process.stdout.readline())["http"]


def health(channel, name):
    """By hand: the message is one string (field 1), the answer one number (field 1)."""
    ask = channel.unary_unary("/grpc.health.v1.Health/Check", request_serializer=lambda text: bytes([10, len(text)]) + text.encode() if text else b"",
                              response_deserializer=lambda data: {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING"}[data[1] if data else 0])
    return ask(name)


class Latencies:
    """Asks one model, one call after the other."""

    def __init__(self, client, model, seconds):
        self.times, self.errors = [], collections.Counter()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.monotonic()
            try:
                client.rerank("When was it founded?", DOCUMENTS, model=model)
                self.times.append((time.monotonic() - began) * 1000)
            except grpc.RpcError as error:
                self.errors[error.code().name] += 1

    def __str__(self):
        times = sorted(self.times)
        return (f"{len(times)} calls, p50 {statistics.median(times):.1f} ms, p95 {times[len(times) * 95 // 100]:.1f} ms, "
                f"longest {times[-1]:.1f} ms, errors {dict(self.errors) or 'none'}")


class Health:
    """What health says of each model, asked ten times a second until stop()."""

    def __init__(self, channel, names):
        self.seen = {name: collections.Counter() for name in names}
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.watch, args=(channel,))
        self.thread.start()

    def watch(self, channel):
        while not self.stopping.wait(0.1):
            for name, states in self.seen.items():
                states[health(channel, name)] += 1

    def stop(self):
        self.stopping.set()
        self.thread.join()

    def __str__(self):
        return ", ".join(f"{name or 'the server'}: " + " and ".join(f"{count} times {state}" for state, count in states.items())
                         for name, states in self.seen.items())


class Crowd:
    """So many callers of the silent one, each of which asks again once it is answered."""

    def __init__(self, client, calls):
        self.client, self.outcomes, self.stopping = client, collections.Counter(), threading.Event()
        self.waiting, self.most = 0, 0
        self.lock = threading.Lock()
        for _ in range(calls):
            self.ask()

    def ask(self):
        with self.lock:
            self.waiting += 1
            self.most = max(self.most, self.waiting)
        call = self.client.stub.Rerank.future(rerank_rpc.pb2.RerankRequest(
            query="fault:silent", documents=DOCUMENTS, model="dead"))
        call.add_done_callback(self.answered)

    def answered(self, call):
        error = call.exception()
        with self.lock:
            self.waiting -= 1
            self.outcomes["OK" if error is None else error.code().name] += 1
        if not self.stopping.is_set():
            timer = threading.Timer(1, self.ask)  # as long as a well-behaved caller waits
            timer.daemon = True
            timer.start()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rerankd", nargs="?", default="build/release/server/rerankd")
    parser.add_argument("--calls", type=int, default=1030)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--model", required=True, metavar="FOLDER[:bi_encoder]", help="the model that is computed here")
    arguments = parser.parse_args()
    os.environ.update(VOYAGE_API_KEY="key", OTHER_KEY="another", no_proxy="*")
    provider_process, provider = start_provider()
    with tempfile.TemporaryDirectory() as folder:
        path, _, kind = arguments.model.partition(":")
        config = pathlib.Path(folder) / "rerankd.yaml"
        config.write_text(json.dumps({"models": [
            {"name": "local", "path": path, "kind": kind or "cross_encoder"},
            {"name": "dead", "kind": "voyage", "model": "rerank-2.5", "base_url": provider + "/voyage", "timeout": "5s"},
            {"name": "alive", "kind": "voyage", "model": "rerank-2.5", "base_url": provider + "/voyage", "api_key_env": "OTHER_KEY"},
        ]}))
        server = rerank_rpc.Server(arguments.rerankd, ["--config", str(config)])
        try:
            client, crowded = rerank_rpc.Client(server.target), rerank_rpc.Client(server.target)
            Latencies(client, "local", 2)
            for model in ("local", "alive"):
                print(f"{model}, alone: {Latencies(client, model, arguments.seconds)}")
            crowd, states = Crowd(crowded, arguments.calls), Health(client.channel, ("", "local", "dead", "alive"))
            for model in ("local", "alive"):
                print(f"{model}, while {arguments.calls} callers ask the silent one: "
                      f"{Latencies(client, model, arguments.seconds)}")
            states.stop()
            crowd.stopping.set()
            print(f"most calls of the crowd at once: {crowd.most}; what they got: {dict(crowd.outcomes)}")
            print(f"health: {states}")
        finally:
            server.stop()
            provider_process.stdin.close()
            provider_process.wait()


if __name__ == "__main__":
    main()
