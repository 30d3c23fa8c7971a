"""tools/simulate_scaling.py beside what queueing theory knows."""
import pathlib
import random
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
sys.dont_write_bytecode = True
import simulate_scaling  # noqa: E402


def mean(values):
    return sum(values) / len(values)


class SimulateScalingTest(unittest.TestCase):
    def test_one_replica_with_equal_calls_is_m_d_1(self):
        # Pollaczek-Khinchine: the mean wait is load / (2 (1 - load)) service times.
        for load, tolerance in ((0.5, 0.03), (0.8, 0.08)):
            latencies, _ = simulate_scaling.simulate([0.1], 1, load, "round_robin", 60_000)
            wanted = 0.1 * (1 + load / (2 * (1 - load)))
            self.assertAlmostEqual(mean(latencies), wanted, delta=tolerance * wanted)

    def test_one_replica_is_the_same_under_every_policy(self):
        # Not the same numbers (chance is used differently), but the same queue.
        means = [mean(simulate_scaling.simulate([0.1], 1, 0.5, policy, 40_000)[0])
                 for policy in simulate_scaling.POLICIES]
        for other in means[1:]:
            self.assertAlmostEqual(other, means[0], delta=0.03 * means[0])

    def test_idle_replicas_answer_in_the_service_time(self):
        for policy in simulate_scaling.POLICIES:
            latencies, hits = simulate_scaling.simulate([0.1], 50, 0.01, policy, 2000)
            self.assertAlmostEqual(simulate_scaling.percentile(latencies, 0.5), 0.1)
            self.assertEqual(hits, 0)

    def test_choosing_the_less_busy_of_two_shortens_the_tail(self):
        chance = random.Random(3)
        times = [chance.expovariate(10) + 1e-4 for _ in range(500)]
        tails = {policy: simulate_scaling.percentile(
            simulate_scaling.simulate(times, 20, 0.9, policy, 30_000)[0], 0.99) for policy in ("round_robin", "least_request")}
        self.assertLess(tails["least_request"], tails["round_robin"])

    def test_calls_of_one_key_at_one_replica_hit_its_cache_more_often(self):
        hits = {policy: simulate_scaling.simulate([0.1], 20, 0.5, policy, 20_000, cache=200, keys=10_000)[1]
                for policy in ("least_request", "ring_hash")}
        self.assertGreater(hits["ring_hash"], hits["least_request"] + 0.1)

    def test_a_cache_forgets_what_was_used_longest_ago(self):
        cache = simulate_scaling.Cache(2)
        self.assertEqual([cache.use(key) for key in "abacb"], [False, False, True, False, False])
        self.assertFalse(simulate_scaling.Cache(0).use("a"))


if __name__ == "__main__":
    unittest.main()
