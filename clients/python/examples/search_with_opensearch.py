"""Search with OpenSearch by BM25, then rerank: the order before and after, with scores and times.

    pip install clients/python
    python search_with_opensearch.py [--url http://127.0.0.1:9200] [--model NAME] [--query "..."]

Needs a running OpenSearch, or Elasticsearch: only documents and a match query. The index is deleted again.
"""

from __future__ import annotations

import argparse
import json
import time
import urllib.request
import uuid
from typing import Any

from texts import QUERY, docstrings, show, show_reranked

from rerankd import RerankFunction


def ask(method: str, url: str, body: str = "", kind: str = "application/json") -> Any:
    request = urllib.request.Request(url, body.encode() or None, {"Content-Type": kind}, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:9200")
    parser.add_argument("--model", default="", help="of the server; its default model without")
    parser.add_argument("--query", default=QUERY)
    arguments = parser.parse_args()
    texts = docstrings()
    index = f"{arguments.url}/rerankd-example-{uuid.uuid4().hex}"
    lines = "".join(json.dumps(part) + "\n" for text in texts for part in ({"index": {}}, {"text": text}))
    ask("PUT", index)
    try:
        ask("POST", f"{index}/_bulk?refresh=true", lines, "application/x-ndjson")
        begin = time.perf_counter()
        found = ask("POST", f"{index}/_search", json.dumps({"size": 100, "query": {"match": {"text": arguments.query}}}))
        searched = time.perf_counter()
    finally:
        ask("DELETE", index)
    hits = found["hits"]["hits"]
    with RerankFunction(model=arguments.model) as rerank:
        started = time.perf_counter()
        results = rerank(arguments.query, [hit["_source"]["text"] for hit in hits], top_k=5)
        reranked = time.perf_counter()

    print(f"{len(texts)} texts; {arguments.query}")
    show(f"by BM25, {(searched - begin) * 1e3:.1f} ms", [(hit["_source"]["text"], hit["_score"]) for hit in hits])
    show_reranked(f"the {len(hits)} best reranked, {(reranked - started) * 1e3:.1f} ms", results)


if __name__ == "__main__":
    main()
