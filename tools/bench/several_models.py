#!/usr/bin/env python3
"""Several models in one rerankd: what a model costs and gives back, what a reload does to calls, and who gets the processors.

  several_models.py memory --model NAME=FOLDER[:bi_encoder] [--cycles 5]
  several_models.py reload --model NAME=FOLDER[:bi_encoder] [--reloads 10]
  several_models.py sessions --model … --model … --model … [--sessions 0 1] [--seconds 10]

memory: resident memory with the default model alone, with the model loaded and used, and after it was unloaded, cycle by cycle.
reload: 4 clients ask for one document in a loop while the model is reloaded; prints failed calls, changed scores and latencies.
sessions: clients of every model at the same time, with each number of sessions a model in turn; alternates, since a machine drifts.
"""
import argparse
import concurrent.futures
import pathlib
import statistics
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import rerank_rpc
import workload


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def parse_model(text):
    name, _, folder = text.partition("=")
    folder, _, kind = folder.partition(":")
    return name, str(pathlib.Path(folder).resolve()), kind or "cross_encoder"


def serve(binary, models, settings=""):
    """`models`: [(name, folder, kind, further keys), ...]"""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        entries = "".join(f"  - {{name: {name}, path: {folder}, kind: {kind}{more}}}\n" for name, folder, kind, more in models)
        file.write(f"admin: true\n{settings}models:\n{entries}")
        file.flush()
        return rerank_rpc.Server(binary, ["--config", file.name])


def use(client, name, requests):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda item: client.rerank(*item, model=name), requests))


def memory(arguments, models):
    (name, folder, kind), resident = models[0], []
    default = ("default", *parse_model(f"default={arguments.default}")[1:])
    server = serve(arguments.binary, [default + ("",), (name, folder, kind, ", load: on_demand")])
    client, requests = rerank_rpc.Client(server.target), workload.make(16)
    use(client, "default", requests)

    def note(what):
        now = server.memory_mib()
        print(f"{what:34s} resident {now['VmRSS']:8.1f} MiB   of which not backed by files {now['RssAnon']:8.1f} MiB")
        return now["VmRSS"]

    resident.append(note("default model, used"))
    for cycle in range(arguments.cycles):
        client.load(name)
        use(client, name, requests)
        note(f"{name} loaded and used ({cycle + 1})")
        client.unload(name)
        resident.append(note(f"{name} unloaded ({cycle + 1})"))
    print(f"above the start after the first cycle: {resident[1] - resident[0]:.1f} MiB; after the last: {resident[-1] - resident[0]:.1f} MiB")
    server.stop()


def reload(arguments, models):
    name = models[0][0]
    server = serve(arguments.binary, [models[0] + ("",)])
    query, (document, *_) = workload.make(1)[0]
    expected = rerank_rpc.Client(server.target).rerank(query, [document], model=name).results[0].score
    stop, quiet, busy, failed, changed = threading.Event(), [], [], [], []
    sink = quiet

    def ask():
        client = rerank_rpc.Client(server.target)
        while not stop.is_set():
            begin, into = time.monotonic(), sink
            try:
                score = client.rerank(query, [document], model=name).results[0].score
                into.append((time.monotonic() - begin) * 1000)
                if abs(score - expected) > 1e-5:
                    changed.append(score)
            except rerank_rpc.grpc.RpcError as error:
                failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(5)
    sink, took, admin = busy, [], rerank_rpc.Client(server.target)
    for _ in range(arguments.reloads):
        begin = time.monotonic()
        admin.reload(name)
        took.append(time.monotonic() - begin)
    stop.set()
    for thread in threads:
        thread.join()
    print(f"{arguments.reloads} reloads, {statistics.median(took):.2f} s each; {len(quiet) + len(busy)} calls, failed {len(failed)}, "
          f"scores changed {len(changed)}")
    for what, times in (("before", quiet), ("while reloading", busy)):
        print(f"{what:16s} {len(times):6d} calls   p50 {percentile(times, 0.5):7.1f} ms   p99 {percentile(times, 0.99):7.1f} ms")
    server.stop()


def sessions(arguments, models):
    requests = workload.make(8)
    servers = {n: serve(arguments.binary, [model + (f", sessions: {n}",) for model in models]) for n in arguments.sessions}
    pairs = {n: {name: 0 for name, *_ in models} for n in servers}
    times = {n: {name: [] for name, *_ in models} for n in servers}
    for _ in range(arguments.rounds):
        for n, server in servers.items():
            end = time.monotonic() + arguments.seconds

            def ask(name):
                client, i = rerank_rpc.Client(server.target), 0
                while time.monotonic() < end:
                    query, documents = requests[i % len(requests)]
                    begin = time.monotonic()
                    client.rerank(query, documents, model=name)
                    times[n][name].append((time.monotonic() - begin) * 1000)
                    pairs[n][name] += len(documents)
                    i += 1

            threads = [threading.Thread(target=ask, args=(name,)) for name, *_ in models for _ in range(arguments.clients)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    seconds = arguments.rounds * arguments.seconds
    for n, server in servers.items():
        total = sum(pairs[n].values()) / seconds
        print(f"sessions {n or 'one a processor'}: {total:.1f} documents/s in all")
        for name, *_ in models:
            print(f"  {name:20s} {pairs[n][name] / seconds:8.1f} documents/s   p50 {percentile(times[n][name], 0.5):8.1f} ms   "
                  f"p99 {percentile(times[n][name], 0.99):8.1f} ms")
        server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["memory", "reload", "sessions"])
    parser.add_argument("--model", action="append", required=True, type=parse_model, help="NAME=FOLDER[:KIND]")
    parser.add_argument("--binary", default="build/release/server/rerankd")
    parser.add_argument("--default", help="memory: the model that stays, FOLDER[:KIND]")
    parser.add_argument("--cycles", type=int, default=5)
    parser.add_argument("--reloads", type=int, default=10)
    parser.add_argument("--sessions", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=2, help="sessions: clients of each model")
    arguments = parser.parse_args()
    if arguments.what == "memory" and not arguments.default:
        parser.error("memory needs --default")
    {"memory": memory, "reload": reload, "sessions": sessions}[arguments.what](arguments, arguments.model)


if __name__ == "__main__":
    main()
