#!/usr/bin/env python3
"""Time from start to SERVING and resident memory of rerankd, after start and after a load.

  footprint.py [--binary build/release/server/rerankd] [--runs 5] [-- ARGUMENTS OF rerankd]

Without arguments for rerankd it serves the default model.
"""
import argparse
import concurrent.futures
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import rerank_rpc
import workload


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="build/release/server/rerankd")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("arguments", nargs="*")
    arguments = parser.parse_args()
    starts, idle, loaded, peak, anonymous = [], [], [], [], []
    requests = workload.make(16)
    for _ in range(arguments.runs):
        server = rerank_rpc.Server(arguments.binary, arguments.arguments)
        starts.append(server.start_seconds)
        idle.append(server.memory_mib()["VmRSS"])
        client = rerank_rpc.Client(server.target)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda item: client.rerank(*item), requests))
        memory = server.memory_mib()
        loaded.append(memory["VmRSS"])
        peak.append(memory["VmHWM"])
        anonymous.append(memory["RssAnon"])
        server.stop()
    for name, values, unit in (("start to serving", starts, "s"), ("resident after start", idle, "MiB"),
                               ("resident after 16 x 32 documents, 8 clients", loaded, "MiB"),
                               ("  of which not backed by files", anonymous, "MiB"), ("peak resident", peak, "MiB")):
        print(f"{name:46s} median {statistics.median(values):8.2f} {unit}   min {min(values):8.2f}   max {max(values):8.2f}")


if __name__ == "__main__":
    main()
