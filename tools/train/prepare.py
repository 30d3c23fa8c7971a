#!/usr/bin/env python3
"""Turns extracted passages into training lists: queries, candidates, tokens, teacher embeddings. Steps can be run again alone.

  prepare.py texts  SOURCES.jsonl DATA [--cap 2500] [--pool POOL.json]   queries, held-out test, tokens
  prepare.py embed  DATA NAME MODEL_FOLDER [--threads 1]                 embeddings of every text by a bi-encoder (resumes)
  prepare.py lists  DATA NAME...                                         candidates by BM25 and by the teachers' mean cosine

DATA gets texts.json, tokens.npz, queries.json, doc-test.json (never trained on), NAME.npy, lists.npz.
"""
import argparse
import json
import math
import os
import random
import re
import zlib
from collections import Counter, defaultdict

import numpy as np

DICTIONARIES = {"wordnet", "gcide", "foldoc", "jargon", "devil", "elements"}
RESEARCH = {"dl20", "dl21", "dl22", "wikiqa", "wikiqax"}     # sources whose terms allow research alone
WEB = {"dl20", "dl21", "dl22"}
FIRST_STAGE = "SPLADE_P_P_ENSEMBLE_DISTIL"      # the one of the pool's systems that all its web queries have
LIST = 12        # candidates a list
QUERY_TOKENS = 48
WORD = re.compile(r"[a-z0-9]+")
STOP = set("""a an the of to in on for and or is are was were be been being by with as at from that this these those it its their his her
he she they we you i not no if then than so such can may will would should must do does did has have had which who whom what when where
how why all any each other some into about over under between more most also only one two use used using see when there here but""".split())
GENERIC = re.compile(r"^(description|notes?|overview|introduction|summary|examples?|usage|options|see also|abstract|parameters|"
                     r"discussion|synopsis|general|details?|returns?|name|bugs|caveats|background|[\d.\W]*)$", re.I)


def read(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def write(path, value):
    with open(path + ".tmp", "w", encoding="utf-8") as f:
        json.dump(value, f, ensure_ascii=False)
    os.replace(path + ".tmp", path)


def coin(key):
    """A number in [0, 1) that depends on the text alone, so that a hold-out stays the same when sources are added."""
    return zlib.crc32(key.encode()) / 2 ** 32


# ---- queries ------------------------------------------------------------------------------------------------------------------
def from_heading(r, rng):
    head, title = r["head"].strip(" :.?"), r["title"]
    if r["head"].endswith("?"):
        return r["head"]
    if GENERIC.match(head) or len(head) < 3:
        head = title
    elif len(head.split()) < 3 and title.lower() != head.lower() and rng.random() < 0.7:
        head = f"{title} {head}"
    m = re.match(r"([A-Z][a-z]+)ing ((?:an?|the|your|[a-z]+s?)\b.*)", head)
    if m and rng.random() < 0.6:
        stem = m.group(1).lower()
        stem = stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in "ls" else stem
        stem += "e" if re.search(r"(at|iz|us|ur|ov|ag|mak|writ|cod|ic|iv|uc|rag|dl|pl|bl)$", stem) else ""
        return rng.choice(["how to {} {}", "how do I {} {}?", "how can I {} {}"]).format(stem, m.group(2))
    if rng.random() < 0.25 and len(head.split()) < 6:
        return rng.choice(["what is {}?", "what is {}", "explain {}", "{} explained", "how does {} work"]).format(head)
    return head.lower() if rng.random() < 0.5 else head


def from_term(r, rng):
    return rng.choice(["what is {}?", "what is {}", "{}", "{} meaning", "define {}", "{} definition", "what does {} mean",
                       "meaning of {}", "what is a {}?"]).format(r["head"])


def from_sentence(r, rng):
    """A question or a fragment made by rule from one sentence of the passage."""
    sentences = [s for s in re.split(r"(?<=[.!?])\s+", r["text"]) if 6 <= len(s.split()) <= 40]
    if not sentences:
        return None
    s = rng.choice(sentences)
    m = re.match(r"((?:The|A|An) [\w' -]{3,60}?|[A-Z][\w.-]+(?: [A-Z][\w.-]+){0,3}) (is|are|was|were|can|means|provides) (.+)", s)
    if m and rng.random() < 0.8:
        subject, verb, rest = m.group(1), m.group(2), m.group(3)
        named = not subject.startswith(("The ", "A ", "An "))
        subject = subject if named else subject[0].lower() + subject[1:]
        year = re.search(r"\bin ((?:1[5-9]|20)\d\d)\b", rest)
        if year and verb in ("was", "were"):
            return rng.choice([f"when {verb} {subject} {rest.split(' in ')[0].split(',')[0]}", f"what happened to {subject} in {year.group(1)}"])
        if verb in ("is", "are", "was", "were"):
            return rng.choice([f"what {verb} {subject}?", f"what {verb} {subject}", f"{'who' if named and verb == 'was' else 'what'} {verb} {rest.rstrip('.')}"
                               if len(rest.split()) < 12 else f"what {verb} {subject}"])
        return rng.choice([f"what {'does ' + subject + ' mean' if verb == 'means' else 'can ' + subject + ' do'}", f"{subject} {verb} what"])
    words = s.rstrip(".").split()
    n = rng.randint(5, 12)
    at = rng.randint(0, max(0, len(words) - n))
    return " ".join(words[at:at + n])


def from_keywords(r, rng, idf):
    words = [w for w in dict.fromkeys(WORD.findall(r["text"].lower())) if w not in STOP and len(w) > 2]
    if len(words) < 5:
        return None
    top = sorted(words, key=lambda w: -idf.get(w, 0))[:14]
    chosen = set(rng.sample(top, min(len(top), rng.randint(2, 5))))
    return " ".join(w for w in words if w in chosen)


# ---- altered copies: the same passage with the one fact changed that the query names -------------------------------------------------
NAME = re.compile(r"\b[A-Z][a-z]{2,}(?: (?:of |de |van |the )?[A-Z][a-z]{2,}){1,2}\b")
NUMBER = re.compile(r"(?<![\w.,-])\d{1,3}(?:,\d{3})+(?![\w])|(?<![\w.,:/-])\d+(?:\.\d+)?(?![\w.,:/-]*\d)")


def altered(r, rng, names):
    """(query, [altered texts]): the query keeps one year, number or name of the passage, each copy has another in its place."""
    text, kind = r["text"], rng.choice(["year", "number", "name"])
    spans = [(m.start(), m.end(), m.group()) for m in (NAME if kind == "name" else NUMBER).finditer(text)]
    if kind == "year":
        spans = [s for s in spans if re.fullmatch(r"1[0-9]\d\d|20[0-2]\d", s[2])]
    spans = [s for s in spans if s[0] > 0]
    if not spans:
        return None
    a, _, fact = rng.choice(spans)
    start = max(text.rfind(". ", 0, a) + 2, 0) if ". " in text[:a] else 0
    end = text.find(". ", a)
    words = text[start:end if end > 0 else len(text)].rstrip(".").split()
    at = next((i for i, w in enumerate(words) if fact.split()[0] in w), None)
    if at is None or len(words) < 5:
        return None
    low = max(0, at - rng.randint(2, 8))
    cut = words[low:at + len(fact.split()) + rng.randint(2, 8)]
    if rng.random() < 0.5:      # drop small words: what people type
        cut = [w.strip(",;()") for w in cut if w.lower() not in STOP or rng.random() < 0.3 or w in fact]
    query = " ".join(cut)
    query = {"year": rng.choice(["what happened: ", "", "", "which event "]), "number": rng.choice(["", "", "what has "]),
             "name": rng.choice(["", "", "who is ", "what about "])}[kind] + query
    if fact not in query:
        return None
    out = []
    for _ in range(3):
        if kind == "year":
            other = str(int(fact) + rng.choice([-1, 1]) * rng.choice([1, 2, 3, 5, 8, 10, 20, 30]))
        elif kind == "number":
            n = float(fact.replace(",", ""))
            other = n * rng.choice([0.5, 2, 3, 10]) if rng.random() < 0.5 and n else n + rng.choice([1, 2, 3, 5, 10])
            other = f"{other:,.0f}" if "," in fact else f"{other:.1f}" if "." in fact else f"{other:.0f}"
        else:
            other = rng.choice(names)
        if other != fact:
            copy = re.sub(r"(?<!\w)" + re.escape(fact) + r"(?!\w)", other, text)
            if kind == "name":      # the surname alone, too
                copy = re.sub(r"\b" + re.escape(fact.split()[-1]) + r"\b", other.split()[-1], copy)
            out.append(copy)
    return query, out


# ---- steps --------------------------------------------------------------------------------------------------------------------
def texts(a):
    rng = random.Random(a.seed)
    by, held = defaultdict(list), []
    with open(a.sources, encoding="utf-8") as f:
        for r in map(json.loads, f):
            documentation = r["src"] not in DICTIONARIES and r["src"] != "squad"
            (held if documentation and coin("hold-out " + r["src"] + r["file"]) < 0.06 else by[r["src"]]).append(r)
    used = []
    for src, rows in by.items():
        rng.shuffle(rows)
        used += rows if src == "squad" else rows[:a.cap]
    idf = Counter(w for r in used for w in set(WORD.findall(r["text"].lower())))
    idf = {w: math.log(len(used) / n) for w, n in idf.items() if n > 1}
    about_people = [r for r in used if r["src"] in ("squad", "gcide", "anarchism")] or used
    names = sorted({m.group() for r in about_people for m in NAME.finditer(r["text"])})

    table, origin, alias, queries, where = [], [], [], [], {}
    def put(text, src, like=-1):
        if text not in where:
            where[text] = len(table)
            table.append(text), origin.append(src), alias.append(like)
        return where[text]
    passages = [put(r["text"], r["src"]) for r in used]
    siblings = defaultdict(list)
    for r, p in zip(used, passages):
        siblings[r["src"], r["file"], r["head"]].append(p)
    for r, p in zip(used, passages):
        made = []
        if r["src"] == "squad":
            made += [("question" if q["ok"] else "near-question", q["q"]) for q in r["questions"]]
        elif r["src"] in DICTIONARIES:
            made += [("term", from_term(r, rng))]
        else:
            made += [("heading", from_heading(r, rng))]
            made += [("sentence", from_sentence(r, rng))] if rng.random() < 0.4 else []
        made += [("keywords", from_keywords(r, rng, idf))] if rng.random() < 0.25 else []
        for kind, q in made:
            if q and 2 < len(q) < 300:
                queries.append({"q": put(q, "query"), "own": siblings[r["src"], r["file"], r["head"]] if kind == "heading" else [p],
                                "at": p, "kind": kind, "src": r["src"]})
        tries = 3 if r["src"] == "squad" else 1 if rng.random() < 0.3 else 0
        for _ in range(tries):
            made = altered(r, rng, names)
            if made:
                queries.append({"q": put(made[0], "query"), "own": [p], "at": p, "kind": "altered", "src": r["src"],
                                "wrong": [put(t, "altered", p) for t in made[1]]})
    if a.pool:      # research-only parts are marked by their source, so that a mix without them can be made
        pool = read(a.pool)
        for g in pool["groups"]:
            if g["src"] in ("squad", "squadx"):
                continue
            c = [[put(pool["texts"][c["t"]], g["src"]), -1 if c["g"] is None else c["g"], (c.get("f") or {}).get(FIRST_STAGE, -1)] for c in g["c"]]
            queries.append({"q": put(pool["texts"][g["q"]], "query"), "own": [], "at": -1, "kind": "judged", "src": g["src"], "judged": c})
        # The same passages with queries made by rule, and the real queries before other passages than their own.
        of_pool = [(i, {"text": table[i]}) for i in range(len(table)) if origin[i] in WEB]
        for i, r in of_pool:
            q = from_keywords(r, rng, idf) if rng.random() < 0.3 else from_sentence(r, rng)
            if q and 2 < len(q) < 300:
                queries.append({"q": put(q, "query"), "own": [i], "at": i, "kind": "web", "src": origin[i]})
        asked = [q for q in queries if q["kind"] == "judged"]
        for q in asked:
            near = [c[0] for c in q["judged"]]
            queries += [{"q": q["q"], "own": [], "at": rng.choice(near), "kind": "web", "src": q["src"]} for _ in range(3)]

    test = [r for r in held if len(r["text"].split()) >= 25]
    own = defaultdict(list)
    for i, r in enumerate(test):
        own[r["src"], r["file"], r["head"]].append(i)
    asked, seen = [], set()
    for (src, _, head), rows in sorted(own.items()):
        r = test[rows[0]]
        fresh = random.Random(head)
        q = r["head"] if r["head"].endswith("?") else from_heading(r, fresh)
        if len(rows) <= 4 and len(q.split()) >= 3 and not GENERIC.match(head) and q.lower() not in seen:
            seen.add(q.lower())
            asked.append({"query": q, "own": rows, "src": src})
    random.Random(7).shuffle(asked)
    per = Counter()
    asked = [x for x in asked if not per.update([x["src"]]) and per[x["src"]] <= 25][:200]
    write(os.path.join(a.data, "doc-test.json"), {"texts": [r["text"] for r in test], "queries": asked})
    write(os.path.join(a.data, "texts.json"), {"texts": table, "src": origin, "alias": alias})
    write(os.path.join(a.data, "queries.json"), queries)
    print(f"{len(table)} texts, {len(passages)} passages, {len(queries)} queries {dict(Counter(q['kind'] for q in queries))}")
    print(f"held out: {len(test)} passages, {len(asked)} queries")

    from tokenizers import Tokenizer
    tok = Tokenizer.from_file(os.path.join(a.base, "tokenizer.json"))
    tok.no_truncation(), tok.no_padding()
    ids = [e.ids for e in tok.encode_batch(table, add_special_tokens=False)]
    np.savez(os.path.join(a.data, "tokens.npz"), ids=np.concatenate([np.array(i, dtype=np.uint16) for i in ids]),
             ends=np.cumsum([len(i) for i in ids]))


def embed(a):
    import torch
    from sentence_transformers import SentenceTransformer
    torch.set_num_threads(a.threads)
    t = read(os.path.join(a.data, "texts.json"))
    want = [i for i, like in enumerate(t["alias"]) if like < 0 and (a.research or t["src"][i] not in RESEARCH)]
    want.sort(key=lambda i: len(t["texts"][i]))
    model = SentenceTransformer(a.model, device="cpu")
    model.max_seq_length = a.length
    if a.bf16:
        model = model.bfloat16()
    path = os.path.join(a.data, a.name)
    n, d = len(t["texts"]), model.get_sentence_embedding_dimension()
    fresh = not os.path.exists(path + ".npy")
    out = np.lib.format.open_memmap(path + ".npy", mode="w+" if fresh else "r+", dtype=np.float16, shape=(n, d) if fresh else None)
    want = [i for i in want[a.part::a.parts] if not np.any(out[i])]
    block = 256
    for k in range(0, len(want), block):
        rows = want[k:k + block]
        e = model.encode([(a.prefix if t["src"][i] == "query" else "") + t["texts"][i] for i in rows], batch_size=32, normalize_embeddings=True, convert_to_tensor=True)
        out[rows] = e.float().numpy()
        out.flush()
        print(f"{k + len(rows)}/{len(want)}", flush=True)


def bm25(texts_):
    from scipy.sparse import csr_matrix
    vocabulary, rows, cols, counts, lengths = {}, [], [], [], []
    for i, t in enumerate(texts_):
        c = Counter(WORD.findall(t.lower()))
        lengths.append(sum(c.values()))
        for w, n in c.items():
            rows.append(i), cols.append(vocabulary.setdefault(w, len(vocabulary))), counts.append(n)
    rows, counts, lengths = np.array(rows), np.array(counts, float), np.array(lengths, float)
    df = np.bincount(cols, minlength=len(vocabulary))
    idf = np.log(1 + (len(texts_) - df + 0.5) / (df + 0.5))
    weight = counts * 1.9 / (counts + 0.9 * (0.6 + 0.4 * lengths[rows] / lengths.mean())) * idf[cols]
    return vocabulary, csr_matrix((weight, (cols, rows)), shape=(len(vocabulary), len(texts_)))


def bm25_scores(index, query):
    vocabulary, m = index
    hits = [vocabulary[w] for w in WORD.findall(query.lower()) if w in vocabulary]
    return np.asarray(m[hits].sum(axis=0)).ravel() if hits else np.zeros(m.shape[1])


def candidates(queries, passage, emb, t, rng):
    """-> (candidates, grades) of each query: its own passage (and the altered copies), the teachers' nearest, BM25's best, strangers."""
    from scipy.sparse import csr_matrix
    source = np.array([t["src"][i] for i in passage])
    of_source = {s: passage[source == s] for s in set(source)}
    vectors = [np.asarray(e[passage], dtype=np.float32) for e in emb]
    vocabulary, index = bm25([t["texts"][i] for i in passage])
    common = np.diff(index.indptr) > 0.2 * len(passage)
    block = 500
    for k in range(0, len(queries), block):
        part = queries[k:k + block]
        cos = sum(np.asarray(e[[q["q"] for q in part]], dtype=np.float32) @ v.T for v, e in zip(vectors, emb))
        hits = [(i, vocabulary[w]) for i, q in enumerate(part) for w in set(WORD.findall(t["texts"][q["q"]].lower())) if w in vocabulary]
        hits = np.array([h for h in hits if not common[h[1]]] or [(0, 0)])
        words = (csr_matrix((np.ones(len(hits)), (hits[:, 0], hits[:, 1])), shape=(len(part), len(vocabulary))) @ index).toarray()
        for i, q in enumerate(part):
            near = passage[np.argpartition(-cos[i], 40)[:40]]
            lexical = passage[np.argpartition(-words[i], 30)[:30]]
            c = [q["at"]] + q.get("wrong", [])
            def add(pool, count):
                for x in rng.permutation(pool) if len(pool) < 50 else rng.choice(pool, 20):
                    if count and x not in c:
                        c.append(int(x))
                        count -= 1
            add(passage[np.argpartition(-cos[i], 3)[:3]], 1)
            add(lexical, 3)
            add(near, 4)
            add(of_source[q["src"]], 1)
            add(passage, LIST)
            own = set(q["own"])
            yield c[:LIST], [-2 if x in q.get("wrong", ()) else 3 if x in own else -1 for x in c[:LIST]]
        print(min(k + block, len(queries)), len(queries), flush=True)


def lists(a):
    rng = np.random.default_rng(a.seed)
    t, queries = read(os.path.join(a.data, "texts.json")), read(os.path.join(a.data, "queries.json"))
    emb = [np.load(os.path.join(a.data, n + ".npy"), mmap_mode="r") for n in a.names]
    done = np.all([np.asarray(e[:, :8]).any(axis=1) for e in emb], axis=0)     # texts that every teacher has seen
    q_out, c_out, g_out, f_out, kinds = [], [], [], [], []
    if a.research:
        for q in queries:
            if q["kind"] == "judged" and done[q["q"]]:
                c = [x for x in q["judged"] if done[x[0]]]
                rng.shuffle(c)
                for k in range(0, len(c) - 3, LIST):
                    part = [c[(k + i) % len(c)] for i in range(LIST)]
                    q_out.append(q["q"]), kinds.append("judged")
                    c_out.append([x[0] for x in part]), g_out.append([x[1] for x in part]), f_out.append([x[2] for x in part])
    for research in (False, True) if a.research else (False,):
        passage = np.array([i for i, s in enumerate(t["src"]) if s not in ("query", "altered") and done[i] and (s in RESEARCH) == research])
        of = [q for q in queries if q["kind"] != "judged" and (q["kind"] == "web") == research and done[q["q"]] and done[q["at"]]]
        for q, (c, g) in zip(of, candidates(of, passage, emb, t, rng)):
            q_out.append(q["q"]), c_out.append(c), g_out.append(g), f_out.append([-1] * len(c)), kinds.append(q["kind"])
    np.savez(os.path.join(a.data, a.out), q=np.array(q_out), c=np.array(c_out), g=np.array(g_out, dtype=np.int8), f=np.array(f_out, np.float16), kind=np.array(kinds))
    print(len(q_out), "lists", dict(Counter(kinds)))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seed", type=int, default=1)
    sub = p.add_subparsers(dest="step", required=True)
    s = sub.add_parser("texts")
    s.add_argument("sources"), s.add_argument("data"), s.add_argument("--cap", type=int, default=2500)
    s.add_argument("--pool"), s.add_argument("--base", required=True)
    s = sub.add_parser("embed")
    s.add_argument("data"), s.add_argument("name"), s.add_argument("model"), s.add_argument("--threads", type=int, default=1)
    s.add_argument("--length", type=int, default=160), s.add_argument("--research", action="store_true"), s.add_argument("--bf16", action="store_true")
    s.add_argument("--prefix", default="", help="what the model wants before a query")
    s.add_argument("--part", type=int, default=0), s.add_argument("--parts", type=int, default=1)
    s = sub.add_parser("lists")
    s.add_argument("data"), s.add_argument("names", nargs="+"), s.add_argument("--research", action="store_true")
    s.add_argument("--out", default="lists.npz")
    a = p.parse_args()
    os.makedirs(a.data, exist_ok=True)
    {"texts": texts, "embed": embed, "lists": lists}[a.step](a)


if __name__ == "__main__":
    main()
