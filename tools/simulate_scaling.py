#!/usr/bin/env python3
"""How long calls take when 1 to 1,000 replicas share them: a simulation by replay of measured service times.

Calls arrive at random (Poisson); each brings the time that a real call took a real replica of one core, and a key
that stands for its query and documents. A replica computes one call at a time, the one whose ideal finish (arrival
plus its own time) comes first, as rerankd does. It remembers the scores of as many keys as its cache holds; what is
remembered costs next to nothing. Who gets a call:

  round_robin    clients that go round the replicas by themselves, each from a place of its own
  least_request  whichever of two random replicas has fewer calls (Envoy's, or gRPC's, least request)
  ring_hash      the replica that the key hashes to, unless it has more than 1.5 times the mean of all

Usage: simulate_scaling.py [--times FILE] [--replicas N ...] [--loads PERCENT ...] [--cache KEYS] [--json]
The offered load is what the calls would take without any cache, as a share of what the replicas can compute.
"""
import argparse
import bisect
import heapq
import itertools
import json
import pathlib
import random

HIT_SECONDS = 0.0003  # a call that is answered without computing: parsing, looking up, answering
RING_POINTS = 64      # a replica
BALANCE = 1.5         # Envoy's hash_balance_factor, as a factor
CLIENTS = 16          # of round robin
POLICIES = ("round_robin", "least_request", "ring_hash")


class Cache:
    """The keys used last, as many as fit. Capacity 0 remembers nothing."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.keys = {}  # in the order of their last use

    def use(self, key):
        """Whether the key was there; it is from now on."""
        hit = self.keys.pop(key, None) is not None
        if self.capacity:
            self.keys[key] = True
            if len(self.keys) > self.capacity:
                del self.keys[next(iter(self.keys))]
        return hit


class Replica:
    def __init__(self, cache):
        self.cache = Cache(cache)
        self.waiting = []   # heap of (ideal finish, number, arrival, key, seconds)
        self.calls = 0      # in progress: waiting and computed
        self.busy = False


class RoundRobin:
    def __init__(self, replicas, chance):
        self.replicas = replicas
        self.chance = chance
        self.next = [chance.randrange(len(replicas)) for _ in range(CLIENTS)]

    def pick(self, _key):
        client = self.chance.randrange(CLIENTS)
        self.next[client] = (self.next[client] + 1) % len(self.replicas)
        return self.replicas[self.next[client]]


class LeastRequest:
    def __init__(self, replicas, chance):
        self.replicas = replicas
        self.chance = chance

    def pick(self, _key):
        one, other = self.chance.choice(self.replicas), self.chance.choice(self.replicas)
        return one if one.calls <= other.calls else other


class RingHash:
    def __init__(self, replicas, chance):
        points = sorted((chance.random(), index) for index in range(len(replicas)) for _ in range(RING_POINTS))
        self.points = [point for point, _ in points]
        self.owners = [replicas[index] for _, index in points]
        self.replicas = replicas
        self.places = {}
        self.chance = chance
        self.calls = 0  # in progress on all; kept by the simulation

    def pick(self, key):
        place = self.places.setdefault(key, self.chance.random())
        most = max(1, int(BALANCE * (self.calls + 1) / len(self.replicas)) + 1)
        first = bisect.bisect(self.points, place)
        for step in range(len(self.owners)):
            replica = self.owners[(first + step) % len(self.owners)]
            if replica.calls < most:
                return replica
        return self.owners[first % len(self.owners)]


def make_policy(name, replicas, chance):
    return {"round_robin": RoundRobin, "least_request": LeastRequest, "ring_hash": RingHash}[name](replicas, chance)


def zipf_keys(count, exponent, chance):
    """An endless series of keys, key k as often as (k + 1)^-exponent says."""
    totals = list(itertools.accumulate((k + 1) ** -exponent for k in range(count)))
    while True:
        yield bisect.bisect(totals, chance.random() * totals[-1])


def simulate(times, replicas, load, policy, calls, cache=0, keys=100_000, exponent=1.0, seed=1):
    """(latencies of all calls but the first tenth, in seconds; share of them that a cache answered).
    `load` 0.8: calls bring 0.8 of what `replicas` can compute. A key takes the same time whenever it comes."""
    chance = random.Random(seed)
    servers = [Replica(cache) for _ in range(replicas)]
    chooser = make_policy(policy, servers, chance)
    mean = sum(times) / len(times)
    rate = load * replicas / mean
    key_of = zipf_keys(keys, exponent, chance)
    latencies, hits = [], 0
    ends = []  # heap of (time, number, replica, arrival)
    numbers = itertools.count()
    now, arrived, warm = 0.0, 0, calls // 10

    def begin(server, at):
        nonlocal hits
        _, number, arrival, key, seconds = heapq.heappop(server.waiting)
        if server.cache.use(key):
            hits += number >= warm
            seconds = HIT_SECONDS
        server.busy = True
        heapq.heappush(ends, (at + seconds, number, server, arrival))

    next_arrival = chance.expovariate(rate)
    while arrived < calls or ends:
        if ends and (arrived == calls or ends[0][0] <= next_arrival):
            now, number, server, arrival = heapq.heappop(ends)
            if number >= warm:
                latencies.append(now - arrival)
            server.calls -= 1
            server.busy = False
            if policy == "ring_hash":
                chooser.calls -= 1
            if server.waiting:
                begin(server, now)
            continue
        now = next_arrival
        number, key = next(numbers), next(key_of)
        seconds = times[key % len(times)] if cache else chance.choice(times)
        server = chooser.pick(key)
        server.calls += 1
        if policy == "ring_hash":
            chooser.calls += 1
        heapq.heappush(server.waiting, (now + seconds, number, now, key, seconds))
        if not server.busy:
            begin(server, now)
        arrived += 1
        next_arrival = now + chance.expovariate(rate)
    return latencies, hits / max(1, len(latencies))


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def read_times(path):
    """Seconds, from a file of milliseconds, one a line; lines that begin with # are left out."""
    lines = pathlib.Path(path).read_text().splitlines()
    times = [float(line) / 1000 for line in lines if line.strip() and not line.startswith("#")]
    if not times or min(times) <= 0:
        raise SystemExit(f"{path}: wanted milliseconds, more than 0, one a line")
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--times", default=pathlib.Path(__file__).parent / "sample" / "service_times_ms.txt",
                        help="measured milliseconds, one call a line")
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2, 4, 10, 30, 100, 300, 1000])
    parser.add_argument("--loads", type=int, nargs="+", default=[30, 50, 70, 80, 90, 95], help="percent")
    parser.add_argument("--policies", nargs="+", choices=POLICIES, default=POLICIES)
    parser.add_argument("--cache", type=int, default=0, help="keys that a replica remembers; 0: no cache")
    parser.add_argument("--keys", type=int, default=100_000, help="different calls there are (Zipf's law, exponent 1)")
    parser.add_argument("--calls", type=int, default=40_000, help="at least; 100 a replica where that is more")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each combination")
    arguments = parser.parse_args()
    times = read_times(arguments.times)
    if not arguments.json:
        print(f"{len(times)} measured service times, mean {1000 * sum(times) / len(times):.0f} ms; "
              f"cache of {arguments.cache} keys; p50 / p99 in ms" + (", share of hits" if arguments.cache else ""))
        print("| replicas | load | " + " | ".join(arguments.policies) + " |")
        print("|---" * (2 + len(arguments.policies)) + "|")
    for replicas in arguments.replicas:
        for load in arguments.loads:
            cells = []
            for policy in arguments.policies:
                latencies, hits = simulate(times, replicas, load / 100, policy, max(arguments.calls, 100 * replicas),
                                           cache=arguments.cache, keys=arguments.keys)
                p50, p99 = (1000 * percentile(latencies, share) for share in (0.5, 0.99))
                if arguments.json:
                    print(json.dumps({"replicas": replicas, "load": load / 100, "policy": policy,
                                      "p50_ms": round(p50, 2), "p99_ms": round(p99, 2), "hits": round(hits, 4)}), flush=True)
                cells.append(f"{p50:.0f} / {p99:.0f}" + (f", {100 * hits:.0f} %" if arguments.cache else ""))
            if not arguments.json:
                print(f"| {replicas} | {load} % | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
