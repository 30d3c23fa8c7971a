#!/usr/bin/env python3
"""rerankd beside sentence-transformers' CrossEncoder: the same folder, the same texts, the same two threads.

  compare_cross_encoder.py --model FOLDER [--binary build/release/server/rerankd] [--rounds 5] [--queries 8] [--threads 2]

Both sides alternate within one run, because a shared machine drifts: compare the ratio. A round is `queries` requests of 32
documents. sentence-transformers runs in this process (no server in front of it) in fp32 with its default batch size; with 8 clients
its calls queue behind a lock, as its callers' would. Prints pairs/s, p50 and p99 of a request, and the largest difference of a score.
"""
import argparse
import concurrent.futures
import os
import pathlib
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure(rerank, workload, clients):
    """-> (pairs/s, [milliseconds of each request])"""

    def call(item):
        begin = time.monotonic()
        rerank(*item)
        return (time.monotonic() - begin) * 1000

    begin = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        times = list(pool.map(call, workload))
    return sum(len(documents) for _, documents in workload) / (time.monotonic() - begin), times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--binary", default="build/release/server/rerankd")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--queries", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()

    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    import rerank_rpc
    import torch
    import workload as workload_module
    from sentence_transformers import CrossEncoder

    torch.set_num_threads(arguments.threads)
    workload = workload_module.make(arguments.queries)
    encoder, lock = CrossEncoder(arguments.model, device="cpu", activation_fn=torch.nn.Identity(),
                                 model_kwargs={"dtype": torch.float32}), threading.Lock()

    def peer(query, documents):
        with lock:
            return encoder.predict([(query, document) for document in documents])

    server = rerank_rpc.Server(arguments.binary, ["--model-path", arguments.model, "--model-kind", "cross_encoder"])
    client = rerank_rpc.Client(server.target)

    def ours(query, documents):
        return client.rerank(query, documents, score_kind=rerank_rpc.pb2.SCORE_KIND_RAW,
                             truncation=rerank_rpc.pb2.TRUNCATION_LONGEST_FIRST)

    worst = 0.0
    for query, documents in workload[:2]:
        expected = peer(query, documents)
        worst = max([worst] + [abs(result.score - float(expected[result.index])) for result in ours(query, documents).results])
    print(f"{arguments.threads} threads, {arguments.queries} requests of 32 documents a round, {arguments.rounds} rounds, alternating; "
          f"largest difference of a logit {worst:.2e}")
    sides = {"sentence-transformers": peer, "rerankd": ours}
    for clients in (1, 8):
        rates, times = {name: [] for name in sides}, {name: [] for name in sides}
        for _ in range(arguments.rounds):
            for name, rerank in sides.items():
                rate, milliseconds = measure(rerank, workload, clients)
                rates[name].append(rate)
                times[name] += milliseconds
        for name in sides:
            print(f"{clients} client{'s' if clients > 1 else ' '}  {name:22s} {statistics.median(rates[name]):8.1f} pairs/s   "
                  f"p50 {percentile(times[name], 0.5):8.1f} ms   p99 {percentile(times[name], 0.99):8.1f} ms")
        ratios = [ours_rate / peer_rate for ours_rate, peer_rate in zip(rates["rerankd"], rates["sentence-transformers"])]
        print(f"{clients} client{'s' if clients > 1 else ' '}  ratio of pairs/s, round by round: median {statistics.median(ratios):.2f} "
              f"(min {min(ratios):.2f}, max {max(ratios):.2f})")
    server.stop()


if __name__ == "__main__":
    main()
