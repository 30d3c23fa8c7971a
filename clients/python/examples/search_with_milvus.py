"""Search with Milvus Lite, then rerank: the order before and after, with scores and times.

    pip install clients/python pymilvus milvus-lite
    rerankd --model MODEL                # or the default model
    python search_with_milvus.py [--model NAME] [--query "..."]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from typing import List

from pymilvus import MilvusClient
from texts import DIMENSIONS, QUERY, SAMPLE, SAMPLE_QUERY, docstrings, show, show_reranked, vector

# The one line that changes; it was: from pymilvus.model.reranker import CrossEncoderRerankFunction
from rerankd.reranker import CrossEncoderRerankFunction


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
    show(f"by vectors, {(searched - begin) * 1e3:.1f} ms", [(hit["entity"]["text"], hit["distance"]) for hit in hits])
    show_reranked(f"the {len(candidates)} best reranked, {(reranked - searched) * 1e3:.1f} ms", results)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="", help="of the server; its default model without")
    parser.add_argument("--query", default=QUERY)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, CrossEncoderRerankFunction(arguments.model) as rerank:
        client = MilvusClient(f"{folder}/example.db")
        search_and_rerank(client, "sample", SAMPLE, SAMPLE_QUERY, rerank)
        search_and_rerank(client, "docstrings", docstrings(), arguments.query, rerank)
        client.close()


if __name__ == "__main__":
    main()
