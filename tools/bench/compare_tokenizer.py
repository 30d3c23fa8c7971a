#!/usr/bin/env python3
"""Tokenizing and loading of a tokenizer.json beside Hugging Face `tokenizers`, one thread each.

  compare_tokenizer.py FOLDER [--binary build/release/tests/bench/tokenizer_bench] [--rounds 5]

Both tokenize the same documents in turn. A round of either is the fastest pass over all documents
within a second of processor time, in a process of its own. Every id must be the same on both sides
(tests/tokenizer/golden_test.cc sees to that); here only the number of tokens is compared.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

import workload

# In a process of its own, so that its memory is its own too.
THEIRS = r"""
import json, sys, time
from tokenizers import Tokenizer

def memory(key):
    with open("/proc/self/status") as status:
        return next(float(line.split()[1]) / 1024 for line in status if line.startswith(key + ":"))

resident = memory("VmRSS")
begin = time.thread_time()
tokenizer = Tokenizer.from_file(sys.argv[1])
load = time.thread_time() - begin
loaded, peak = memory("VmRSS") - resident, memory("VmHWM") - resident
tokenizer.no_padding()
tokenizer.no_truncation()
with open(sys.argv[2], encoding="utf-8") as file:
    documents = file.read().split("\n")[:-1]
best, begin = float("inf"), time.thread_time()
while time.thread_time() - begin < 1:
    start = time.thread_time()
    tokens = sum(len(tokenizer.encode(text, add_special_tokens=False).ids) for text in documents)
    best = min(best, time.thread_time() - start)
print(json.dumps({"load": load, "resident": loaded, "peak": peak, "tokens": tokens,
                  "speed": sum(len(text.encode()) for text in documents) / best / 1e6}))
"""


def ours(binary, folder, documents):
    text = subprocess.run([binary, folder, documents], check=True, capture_output=True, text=True).stdout
    load, resident, peak = re.search(r"loading: ([\d.]+) s, ([\d.]+) MiB more resident, ([\d.]+) MiB", text).groups()
    speed, tokens = re.search(r"([\d.]+) MB/s.* ([\d.]+) tokens", text).groups()
    return {"load": float(load), "resident": float(resident), "peak": float(peak), "speed": float(speed),
            "tokens": float(tokens)}


def theirs(folder, documents):
    environment = dict(os.environ, RAYON_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")
    command = [sys.executable, "-c", THEIRS, str(pathlib.Path(folder) / "tokenizer.json"), documents]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="with a tokenizer.json")
    parser.add_argument("--binary", default="build/release/tests/bench/tokenizer_bench")
    parser.add_argument("--documents", help="a file with one document a line; without it, those of workload.py")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        documents = arguments.documents
        if documents is None:
            documents = str(pathlib.Path(folder) / "documents.txt")
            lines = [document for _, found, *_ in workload.make(8) for document in found]
            pathlib.Path(documents).write_text("".join(line.replace("\n", " ") + "\n" for line in lines))
        with open(documents, encoding="utf-8") as file:
            count = sum(1 for _ in file)
        rounds = []
        for _ in range(arguments.rounds):
            rounds.append((ours(arguments.binary, arguments.folder, documents), theirs(arguments.folder, documents)))
    for mine, other in rounds:  # ours is rounded to whole tokens a document
        if abs(mine["tokens"] - other["tokens"] / count) > 0.51:
            sys.exit(f"{mine['tokens']} tokens a document, but tokenizers has {other['tokens'] / count:.1f}")
    for key, name, unit in (("speed", "tokenizing", "MB/s"), ("load", "loading", "s"),
                            ("resident", "resident after loading", "MiB"), ("peak", "peak while loading", "MiB")):
        pairs = [(mine[key], other[key]) for mine, other in rounds]
        ratios = [mine / other for mine, other in pairs]
        print(f"{name:24s} rerankd {statistics.median(a for a, _ in pairs):8.2f} {unit:5s} tokenizers "
              f"{statistics.median(b for _, b in pairs):8.2f} {unit:5s} ratio {statistics.median(ratios):6.2f} "
              f"({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
