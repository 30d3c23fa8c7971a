"""Search with Milvus Lite, then rerank: the order before and after, with scores and times.

    pip install clients/python pymilvus milvus-lite
    rerankd --model MODEL                # or the default model
    python search_with_milvus.py [--model NAME] [--query "..."]

Two corpora: the four documents of the sample, and some hundred texts: the docstrings of Python's
standard library. The vectors are a hashing vectorizer's (words and their counts, hashed into 512
dimensions): no model to download, and a first stage with something left to improve.
"""

from __future__ import annotations

import argparse
import hashlib
import inspect
import math
import pkgutil
import re
import sys
import tempfile
import time
import types
from typing import Dict, List

from pymilvus import MilvusClient

# The one line that changes; it was: from pymilvus.model.reranker import CrossEncoderRerankFunction
from rerankd.reranker import CrossEncoderRerankFunction

SAMPLE_QUERY = "What event in 1956 marked the official birth of artificial intelligence as a discipline?"
SAMPLE = [
    "In 1950, Alan Turing published his seminal paper, 'Computing Machinery and Intelligence,' proposing the Turing Test"
    " as a criterion of intelligence, a foundational concept in the philosophy and development of artificial intelligence.",
    "The Dartmouth Conference in 1956 is considered the birthplace of artificial intelligence as a field; here, John McCarthy"
    " and others coined the term 'artificial intelligence' and laid out its basic goals.",
    "In 1951, British mathematician and computer scientist Alan Turing also developed the first program designed to play"
    " chess, demonstrating an early example of AI in game strategy.",
    "The invention of the Logic Theorist by Allen Newell, Herbert A. Simon, and Cliff Shaw in 1955 marked the creation of"
    " the first true AI program, which was capable of solving logic problems, akin to proving mathematical theorems.",
]
DIMENSIONS = 512
MODULES = (
    "argparse asyncio.tasks bisect collections csv datetime difflib email.message fractions functools glob gzip hashlib heapq"
    " http.client itertools json logging math os.path pathlib pickle queue random re sched secrets shutil socket sqlite3"
    " statistics string struct subprocess tarfile tempfile textwrap threading time urllib.parse uuid weakref zipfile"
).split()


def docstrings() -> List[str]:
    texts: Dict[str, None] = {}
    for name in MODULES:
        module = pkgutil.resolve_name(name)
        for member, value in sorted(vars(module).items()):
            if member.startswith("_") or isinstance(value, types.ModuleType) or not callable(value):
                continue
            text = inspect.getdoc(value)
            if text and len(text) > 60:
                texts[f"{name}.{member}: {text[:1000]}"] = None
    return list(texts)


def vector(text: str) -> List[float]:
    counts = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", text.lower()):
        digest = hashlib.blake2b(word.encode(), digest_size=4).digest()
        number = int.from_bytes(digest, "little")
        counts[number % DIMENSIONS] += 1.0 if number >> 31 else -1.0
    length = math.sqrt(sum(count * count for count in counts)) or 1.0
    return [count / length for count in counts]


def search_and_rerank(
    client: MilvusClient, name: str, texts: List[str], query: str, rerank: CrossEncoderRerankFunction
) -> None:
    client.create_collection(name, dimension=DIMENSIONS, metric_type="COSINE")
    client.insert(name, [{"id": i, "vector": vector(text), "text": text} for i, text in enumerate(texts)])

    begin = time.perf_counter()
    (hits,) = client.search(name, data=[vector(query)], limit=min(100, len(texts)), output_fields=["text"])
    searched = time.perf_counter()
    candidates = [hit["entity"]["text"] for hit in hits]
    results = rerank(query, candidates, top_k=5)
    reranked = time.perf_counter()

    print(f"\n== {name}: {len(texts)} texts; {query}")
    print(f"-- by vectors, {(searched - begin) * 1e3:.1f} ms")
    for place, hit in enumerate(hits[:5], 1):
        print(f"{place:3}. {hit['distance']:8.4f}  {shown(hit['entity']['text'])}")
    print(f"-- the {len(candidates)} best reranked, {(reranked - searched) * 1e3:.1f} ms")
    for place, result in enumerate(results, 1):
        print(f"{place:3}. {result.score:8.4f}  {shown(result.text)}  (was {result.index + 1}.)")


def shown(text: str) -> str:
    return " ".join(text.split())[:90]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="", help="of the server; its default model without")
    parser.add_argument("--query", default="copy a directory with all files in it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, CrossEncoderRerankFunction(arguments.model) as rerank:
        client = MilvusClient(f"{folder}/example.db")
        search_and_rerank(client, "sample", SAMPLE, SAMPLE_QUERY, rerank)
        search_and_rerank(client, "docstrings", docstrings(), arguments.query, rerank)
        client.close()


if __name__ == "__main__":
    sys.exit(main())
