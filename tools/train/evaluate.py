#!/usr/bin/env python3
"""Measures a model folder: validation lists, held-out documentation, the fact checks, any lists in the form of data/rerank-eval.

  evaluate.py MODEL [--sets DIR NAME...] [--doc-test DATA/doc-test.json] [--sample FILE] [--length 256] [--bi]

--bi measures a bi-encoder folder (cosine of mean-pooled embeddings) on the same lists, for comparison.
"""
import argparse
import json
import math
import os

import numpy as np
import torch
from tokenizers import Tokenizer

import model as M

HERE = os.path.dirname(os.path.abspath(__file__))


def ndcg(grades, all_grades, k=10):
    def dcg(g):
        return sum(max(x, 0) / math.log2(i + 2) for i, x in enumerate(g[:k]))
    best = dcg(sorted(all_grades, reverse=True))
    return dcg(grades) / best if best else None


def cross_scorer(folder, vocabulary, length):
    net = M.load(folder).eval()
    def score(query, docs):
        q = vocabulary.encode(query, add_special_tokens=False).ids[:length // 2]
        pairs = []
        for d in vocabulary.encode_batch(docs, add_special_tokens=False):
            ids = [101] + q + [102] + d.ids[:length - len(q) - 3] + [102]
            pairs.append((np.array(ids), len(q) + 2))
        with torch.no_grad():
            return net.score(pairs).numpy()
    return score


def bi_scorer(folder, length):
    from sentence_transformers import SentenceTransformer
    m = SentenceTransformer(folder, device="cpu")
    m.max_seq_length = length
    def score(query, docs):
        e = m.encode([query] + docs, normalize_embeddings=True)
        return e[1:] @ e[0]
    return score


def bm25_candidates(texts, queries, count):
    import prepare
    index = prepare.bm25(texts)
    return [np.argsort(-prepare.bm25_scores(index, q), kind="stable")[:count] for q in queries]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model"), p.add_argument("--base", default=os.path.expanduser("~/.cache/rerankd/models/all-MiniLM-L6-v2"))
    p.add_argument("--sets", nargs="*", default=[]), p.add_argument("--doc-test"), p.add_argument("--sample")
    p.add_argument("--doc-queries", type=int, default=200), p.add_argument("--doc-candidates", type=int, default=30)
    p.add_argument("--length", type=int, default=256), p.add_argument("--bi", action="store_true"), p.add_argument("--threads", type=int, default=1)
    p.add_argument("--verbose", action="store_true")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    tok = Tokenizer.from_file(os.path.join(a.base, "tokenizer.json"))
    tok.no_truncation(), tok.no_padding()
    score = bi_scorer(a.model, a.length) if a.bi else cross_scorer(a.model, tok, a.length)
    out = {}
    for name in a.sets[1:]:
        grades = {}
        with open(os.path.join(a.sets[0], name + ".qrels"), encoding="utf-8") as f:
            for line in f:
                qid, _, doc, g = line.split()
                grades.setdefault(qid, {})[doc] = int(g)
        every = []
        with open(os.path.join(a.sets[0], name + ".jsonl"), encoding="utf-8") as f:
            for r in map(json.loads, f):
                g = grades[str(r["qid"])]
                s = score(r["query"], [d[1] for d in r["docs"]])
                every.append(ndcg([g.get(r["docs"][i][0], 0) for i in np.argsort(-s, kind="stable")], g.values()))
        out[name] = np.mean([x for x in every if x is not None])
    if a.doc_test:
        with open(a.doc_test, encoding="utf-8") as f:
            t = json.load(f)
        asked = t["queries"][:a.doc_queries]
        first, value = [], []
        for x, c in zip(asked, bm25_candidates(t["texts"], [x["query"] for x in asked], a.doc_candidates)):
            own = set(x["own"])
            s = score(x["query"], [t["texts"][i] for i in c])
            g = [int(c[i] in own) for i in np.argsort(-s, kind="stable")]
            value.append(ndcg(g, [1] * len(own)))
            first.append(ndcg([int(i in own) for i in c], [1] * len(own)))
        out["doc-test"], out["doc-test bm25"] = np.mean(value), np.mean(first)
    with open(os.path.join(HERE, "checks.json"), encoding="utf-8") as f:
        checks = json.load(f)
    right = 0
    for c in checks:
        s = score(c["q"], [c["right"]] + c["wrong"])
        right += int(s[0] > max(s[1:]))
        if a.verbose and s[0] <= max(s[1:]):
            print("  missed:", c["q"], [round(float(x), 2) for x in s])
    out["checks"] = right / len(checks)
    if a.sample:
        with open(a.sample, encoding="utf-8") as f:
            r = json.load(f)
        out["sample"] = [round(float(x), 2) for x in score(r["query"], r["documents"])]
    print(json.dumps({k: v if isinstance(v, list) else round(float(v), 4) for k, v in out.items()}))


if __name__ == "__main__":
    main()
