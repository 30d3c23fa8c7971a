"""A fixed workload: queries with 32 documents of mixed length, cut from the licence texts that Debian installs."""
import glob
import os
import random
import re


def _sentences():
    texts = []
    for path in sorted(glob.glob("/usr/share/common-licenses/*")):
        if os.path.isfile(path) and not os.path.islink(path):
            with open(path, encoding="utf-8", errors="ignore") as file:
                texts.append(file.read())
    parts = re.split(r"(?<=[.;:])\s+|\n\s*\n", re.sub(r"[^\x20-\x7e\n]", " ", "\n\n".join(texts)))
    parts = [" ".join(part.split()) for part in parts]
    return [part for part in parts if len(part.split()) >= 5]


def make(queries, documents=32, seed=1):
    """-> [(query, [document, ...]), ...]. Lengths in words are log-normal with a median of 80, cut to 10..300, as
    passages in a search index are; about 1.3 tokens a word."""
    rng, sentences, workload = random.Random(seed), _sentences(), []
    for _ in range(queries):
        query = " ".join(rng.choice(sentences).split()[: rng.randint(4, 14)])
        texts = []
        for _ in range(documents):
            wanted = max(10, min(300, int(rng.lognormvariate(4.4, 0.75))))
            words, at = [], rng.randrange(len(sentences))
            while len(words) < wanted:
                words += sentences[at % len(sentences)].split()
                at += 1
            texts.append(" ".join(words[:wanted]))
        workload.append((query, texts))
    return workload
