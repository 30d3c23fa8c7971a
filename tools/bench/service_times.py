#!/usr/bin/env python3
"""The time that a replica of one core takes for single calls, for tools/simulate_scaling.py: milliseconds, one call a line.

Calls of 5 to 100 documents of mixed length go to a server on one core, one after the other. What is printed is the
processor time that the server spent on each, which other work on the machine changes little.

Usage: service_times.py [--program RERANKD] [--calls N] [--arguments "--model-path FOLDER"] > tools/sample/service_times_ms.txt
"""
import argparse
import pathlib
import random
import shlex
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools" / "bench")]
import workload  # noqa: E402
from rerank_rpc import Client  # noqa: E402
from scale_out import Replica  # noqa: E402

DOCUMENTS = (5, 10, 20, 20, 30, 50, 100)  # one of these a call


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", default=ROOT / "build/release/server/rerankd")
    parser.add_argument("--arguments", default="", help="more of rerankd's")
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--core", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(7)
    calls = workload.make(options.calls, documents=max(DOCUMENTS))
    with tempfile.TemporaryDirectory() as folder:
        replica = Replica(options.program, shlex.split(options.arguments), options.core, folder)
        replica.start()
        try:
            client = Client(f"127.0.0.1:{replica.port}")
            for query, documents in calls[:3]:
                client.rerank(query, documents[:20])
            print(f"# Processor time of the server for each of {options.calls} calls of {min(DOCUMENTS)} to {max(DOCUMENTS)} documents"
                  f" of 10 to 300 words, one core, {pathlib.Path(__file__).name}, {time.strftime('%Y-%m-%d')}")
            for query, documents in calls:
                before = replica.processor_seconds()
                client.rerank(query, documents[:chance.choice(DOCUMENTS)])
                print(f"{1000 * (replica.processor_seconds() - before):.1f}", flush=True)
        finally:
            replica.stop()


if __name__ == "__main__":
    main()
