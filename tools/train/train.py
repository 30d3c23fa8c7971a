#!/usr/bin/env python3
"""Trains the cross-encoder from prepared lists. Same seed, same workers: same model. Stop it at any time; the same command goes on.

  train.py RUN DATA --init FOLDER --teachers minilm mpnet --steps 20000 [--anneal 5000] [--workers 2]

Everything is counted in steps, never in minutes: pausing (SIGSTOP) changes nothing. The rate warms up, stays constant, then falls linearly to
zero over the last `--anneal` steps; to finish a long constant run early, start another RUN with --from RUN/state.pt and a smaller --steps.
RUN gets state.pt (all that resuming needs), log.txt, and model/ at the end. Compare recipes only after the rate has fallen to zero.

Each worker is a process with one thread: on a busy machine threads of one process wait for each other. Workers share one flat float32 copy
of the weights; each writes the gradient of its part of the lists, then updates its slice of the weights. The arithmetic is bfloat16.
"""
import argparse
import ctypes
import json
import os
import signal
import time

import numpy as np
import torch
import torch.multiprocessing as mp
import torch.nn.functional as F

import model as M


class Data:
    def __init__(self, a):
        z = np.load(os.path.join(a.data, "tokens.npz"))
        self.ids, self.ends = z["ids"], z["ends"]
        z = np.load(os.path.join(a.data, a.lists))
        self.q, self.c, self.g, self.f, self.kind = z["q"], z["c"], z["g"], z["f"], z["kind"]
        with open(os.path.join(a.data, "texts.json"), encoding="utf-8") as f:
            alias = np.array(json.load(f)["alias"])
        self.alias = np.where(alias < 0, np.arange(len(alias)), alias)
        self.teachers = []
        for name, _, line in (t.partition("=") for t in a.teachers):
            factor, offset = map(float, line.split(",")) if line else (1.0, 0.0)
            self.teachers.append((np.load(os.path.join(a.data, name + ".npy"), mmap_mode="r"), factor, offset))
        keep = np.isin(self.kind, a.kinds) if a.kinds else np.ones(len(self.q), bool)
        self.rows = np.flatnonzero(keep)
        self.a = a
        self.share = {k.split("=")[0]: float(k.split("=")[1]) for k in a.share}
        if self.share:      # a kind's share of all lists, by drawing some kinds more often
            kinds = self.kind[self.rows]
            rest = ~np.isin(kinds, list(self.share))
            p = rest * (1 - sum(self.share.values())) / max(rest.sum(), 1)
            for kind, share in self.share.items():
                p[kinds == kind] = share / max((kinds == kind).sum(), 1)
            self.p = p / p.sum()

    def tokens(self, i):
        return self.ids[(self.ends[i - 1] if i else 0):self.ends[i]]

    def pair(self, q, t, most):
        q = self.tokens(q)[:48]
        d = self.tokens(t)[:most - len(q) - 3]
        return np.concatenate([[101], q, [102], d, [102]]).astype(np.int64), len(q) + 2

    def order(self, epoch):
        rng = np.random.default_rng((self.a.seed, 1, epoch))
        if self.share:
            return rng.choice(self.rows, len(self.rows), p=self.p)
        return rng.permutation(self.rows)

    def list(self, n, rng, most):
        """-> pairs, target logits"""
        a, g = self.a, self.g[n]
        must = np.flatnonzero((g == -2) | ((g == 3) & (self.kind[n] != "judged")))[:a.docs - 2]
        rest = rng.permutation(np.setdiff1d(np.arange(len(g)), must))[:a.docs - len(must)]
        pick = np.concatenate([must, rest]).astype(int)
        texts, g = self.c[n][pick], g[pick]
        cos = np.mean([factor * (np.asarray(e[self.alias[texts]], np.float32) @ np.asarray(e[self.q[n]], np.float32)) + offset
                       for e, factor, offset in self.teachers], axis=0)
        if self.kind[n] == "judged":
            if np.any(self.f[n] >= 0):      # a list of a first stage, whose scores run from 0 to 1; -1: it did not find that one
                f = self.f[n][pick].astype(np.float32)
                cos = (1 - a.first_stage) * cos + a.first_stage * np.where(f >= 0, 0.2 + 0.7 * f, 0.1)
            cos = np.where(g >= 0, (1 - a.judged) * cos + a.judged * np.array([0.1, 0.35, 0.55, 0.7])[np.maximum(g, 0)], cos)
        else:
            cos = cos - a.altered * (g == -2)
            if self.kind[n] != "near-question":
                cos = cos + a.own * (g == 3)
        return [self.pair(self.q[n], t, most) for t in texts], a.scale * (cos - a.center)


def loss_of(logits, target, a):
    """logits, target: lists x docs"""
    out = 0
    if a.loss in ("kl", "both"):
        out = out + F.kl_div(F.log_softmax(logits, 1), F.log_softmax(target, 1), log_target=True, reduction="batchmean")
    if a.loss in ("mse", "both"):
        out = out + (0.05 if a.loss == "both" else 1) * F.mse_loss(logits, target)
    if a.loss == "margin":
        d = logits - target
        out = out + (d - d.mean(1, keepdim=True)).pow(2).mean() + 0.02 * d.pow(2).mean()
    return out


def rate(step, a):
    up = min(1, (step + 1 - a.start) / a.warmup)
    down = min(1, (a.steps - step) / max(1, a.anneal))
    return up * down


def flat_views(flat, like):
    out, at = [], 0
    for p in like:
        out.append(flat[at:at + p.numel()].view_as(p))
        at += p.numel()
    return out


def worker(rank, a, shared, step0, barrier):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prctl = ctypes.CDLL(None).prctl     # a worker never outlives the run, however that ends
    prctl(1, signal.SIGKILL)            # PR_SET_PDEATHSIG
    torch.set_num_threads(1)
    master, mom, var, grads, losses = shared
    net = M.load(a.init, a.seed, a.layers)
    trained = trainable(net, a)
    own = flat_views(master, trained)
    with torch.no_grad():
        [p.copy_(w) for p, w in zip(trained, own)]
    if not a.fp32:
        net = net.bfloat16()
    trained = trainable(net, a)
    out = flat_views(grads[rank], trained)
    slow, n = slow_part(net, a), len(master)
    lo, hi = rank * n // a.workers, (rank + 1) * n // a.workers
    data = Data(a)
    per_epoch, epoch, order = len(data.rows) // a.batch, -1, None
    clock = time.time()
    for step in range(step0, a.steps):
        if step // per_epoch != epoch:
            epoch = step // per_epoch
            order = data.order(epoch)
        at = step % per_epoch * a.batch
        most = a.length if a.length_late is None or step < a.steps - a.anneal else a.length_late
        mine = range(rank, a.batch, a.workers)
        rows, target = [], []
        for k in mine:
            pairs, t = data.list(order[at + k], np.random.default_rng((a.seed, 2, step, k)), most)
            rows += pairs
            target.append(t)
        logits = net.score(rows).view(len(mine), -1)
        loss = loss_of(logits, torch.tensor(np.array(target), dtype=torch.float32), a)
        loss.backward()
        with torch.no_grad():
            for g, p in zip(out, trained):
                g.copy_(p.grad)
                p.grad = None
            losses[rank] = loss.item()
            barrier.wait()
            g = grads[:, lo:hi].mean(0)
            # The norm must be the same number in every worker, so each sums the parts in the same order.
            losses[a.workers + rank] = g.pow(2).sum().item()
            barrier.wait()
            norm = float(losses[a.workers:2 * a.workers].sum()) ** 0.5
            g *= min(1.0, a.clip / (norm + 1e-9))
            m, v, w = mom[lo:hi], var[lo:hi], master[lo:hi]
            m.lerp_(g, 1 - 0.9)
            v.lerp_(g * g, 1 - 0.98)
            s = step - a.start + 1
            lr = rate(step, a) * a.lr
            update = (m / (1 - 0.9 ** s)) / ((v / (1 - 0.98 ** s)).sqrt() + 1e-8)
            head = slow[lo:hi]
            w -= lr * (update * head + 0.01 * w)
            barrier.wait()
            [p.copy_(w) for p, w in zip(trained, own)]
        if rank == 0:
            mean = float(losses[:a.workers].mean())
            with open(os.path.join(a.run, "losses.txt"), "a") as f:
                f.write(f"{step} {mean:.5f}\n")
            if (step + 1) % a.every == 0:
                pairs = a.every * a.batch * a.docs
                log(a, f"step {step + 1} pairs {(step + 1) * a.batch * a.docs} loss {mean:.4f} norm {norm:.2f} lr {lr:.2e} "
                       f"{pairs / (time.time() - clock):.1f} pairs/s")
                clock = time.time()
        if (step + 1) % a.save == 0 or step + 1 == a.steps:
            barrier.wait()
            if rank == 0:
                state = {"step": step + 1, "master": master, "mom": mom, "var": var, "start": a.start}
                torch.save(state, os.path.join(a.run, "state.tmp"))
                os.replace(os.path.join(a.run, "state.tmp"), os.path.join(a.run, "state.pt"))
            barrier.wait()


def trainable(net, a):
    frozen = net.bert["embeddings"]["word_embeddings"].weight
    if not a.train_words:
        frozen.requires_grad_(False)
    return [p for p in net.parameters() if p.requires_grad]


def slow_part(net, a):
    """A factor of the rate for each weight: the new head learns faster."""
    head = {id(p) for p in net.classifier.parameters()}
    return torch.cat([torch.full((p.numel(),), a.head_rate if id(p) in head else 1.0) for p in trainable(net, a)])


def log(a, line):
    print(line, flush=True)
    with open(os.path.join(a.run, "log.txt"), "a") as f:
        f.write(line + "\n")


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("run"), p.add_argument("data")
    p.add_argument("--init", required=True, help="folder of the encoder or cross-encoder to start from")
    p.add_argument("--layers", type=lambda s: [int(x) for x in s.split(",")], help="keep only these layers, e.g. 0,2,4")
    p.add_argument("--from", dest="source", help="state.pt of another run to continue, with this run's schedule")
    p.add_argument("--teachers", nargs="+", required=True, metavar="NAME[=FACTOR,OFFSET]",
                   help="their mean cosine is the target; the line brings one teacher's cosines to the range of another's")
    p.add_argument("--lists", default="lists.npz")
    p.add_argument("--kinds", nargs="*", help="only lists of these kinds")
    p.add_argument("--share", nargs="*", default=[], help="KIND=SHARE of the lists drawn")
    p.add_argument("--steps", type=int, required=True)
    p.add_argument("--anneal", type=int, default=0)
    p.add_argument("--warmup", type=int, default=100)
    p.add_argument("--batch", type=int, default=6, help="lists a step, shared among the workers")
    p.add_argument("--docs", type=int, default=8, help="passages a list")
    p.add_argument("--length", type=int, default=128)
    p.add_argument("--length-late", type=int, help="length while the rate falls")
    p.add_argument("--lr", type=float, default=1.5e-4)
    p.add_argument("--head-rate", type=float, default=5.0)
    p.add_argument("--clip", type=float, default=5.0)
    p.add_argument("--loss", choices=["kl", "mse", "both", "margin"], default="both")
    p.add_argument("--scale", type=float, default=12.0, help="target logit = scale x (teachers' mean cosine - center)")
    p.add_argument("--center", type=float, default=0.4)
    p.add_argument("--own", type=float, default=0.05, help="added to the cosine of the query's own passage")
    p.add_argument("--altered", type=float, default=0.2, help="taken from the cosine of a passage whose fact was changed")
    p.add_argument("--judged", type=float, default=0.8, help="weight of a human grade against the teacher")
    p.add_argument("--first-stage", type=float, default=0.5, help="weight of a first stage's score against the teachers, where a list has one")
    p.add_argument("--train-words", action="store_true", help="train the word embeddings too")
    p.add_argument("--fp32", action="store_true")
    p.add_argument("--workers", type=int, default=1)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--every", type=int, default=50)
    p.add_argument("--save", type=int, default=200)
    p.add_argument("--pids", help="file that lists the running processes, so that others can pause them")
    return p.parse_args()


def main():
    a = options()
    os.makedirs(a.run, exist_ok=True)
    torch.set_num_threads(1)
    net = M.load(a.init, a.seed, a.layers)
    start = torch.cat([p.detach().flatten() for p in trainable(net, a)])
    n = len(start)
    shared = [x.share_memory_() for x in (start, torch.zeros(n), torch.zeros(n), torch.zeros(a.workers, n), torch.zeros(2 * a.workers, dtype=torch.float64))]
    a.start, step0 = 0, 0
    mine = os.path.join(a.run, "state.pt")
    path = mine if os.path.exists(mine) else a.source
    if path:
        s = torch.load(path)
        for x, k in zip(shared, ("master", "mom", "var")):
            x.copy_(s[k])
        a.start, step0 = s["start"], s["step"]
    log(a, f"from step {step0} of {a.steps}, {n} weights; {json.dumps(vars(a))}")
    if step0 < a.steps:
        barrier = mp.get_context("spawn").Barrier(a.workers)
        context = mp.spawn(worker, (a, shared, step0, barrier), nprocs=a.workers, join=False)
        pids = [os.getpid()] + context.pids()
        if a.pids:
            with open(a.pids, "a") as f:
                f.write("".join(f"{x}\n" for x in pids))
        try:
            while not context.join():
                pass
        finally:
            if a.pids and os.path.exists(a.pids):
                with open(a.pids) as f:
                    rest = [x for x in f.read().split() if int(x) not in pids]
                with open(a.pids, "w") as f:
                    f.write("".join(f"{x}\n" for x in rest))
    for p, w in zip(trainable(net, a), flat_views(shared[0], trainable(net, a))):
        p.data.copy_(w)
    M.save(net, os.path.join(a.run, "model"))
    log(a, "done")


if __name__ == "__main__":
    main()
