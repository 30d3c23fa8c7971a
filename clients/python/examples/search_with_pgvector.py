"""Search with PostgreSQL and pgvector, then rerank: the order before and after, with scores and times.

    pip install clients/python pgserver "psycopg[binary]"
    python search_with_pgvector.py [--model NAME] [--query "..."] [--database URL]

Without --database, PyPI's pgserver starts a PostgreSQL with pgvector in a temporary folder.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from typing import Iterator, Optional

import psycopg
from texts import DIMENSIONS, QUERY, docstrings, show, show_reranked, vector

from rerankd import RerankFunction


@contextlib.contextmanager
def database(url: Optional[str]) -> Iterator[str]:
    if url is not None:
        yield url
        return
    import pgserver

    with tempfile.TemporaryDirectory() as folder, pgserver.get_server(folder) as server:
        yield server.get_uri()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="", help="of the server; its default model without")
    parser.add_argument("--query", default=QUERY)
    parser.add_argument("--database", help="of a PostgreSQL that has the extension vector")
    arguments = parser.parse_args()
    texts = docstrings()
    with database(arguments.database) as url, psycopg.connect(url) as connection, RerankFunction(
        model=arguments.model
    ) as rerank:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute(f"CREATE TEMPORARY TABLE texts (content text, embedding vector({DIMENSIONS}))")
        connection.cursor().executemany(
            "INSERT INTO texts VALUES (%s, %s)", [(text, str(vector(text))) for text in texts]
        )
        connection.execute("CREATE INDEX ON texts USING hnsw (embedding vector_cosine_ops)")

        begin = time.perf_counter()
        connection.execute("SET hnsw.ef_search = 100")
        rows = connection.execute(
            "SELECT content, 1 - (embedding <=> %(q)s::vector) FROM texts ORDER BY embedding <=> %(q)s::vector LIMIT 100",
            {"q": str(vector(arguments.query))},
        ).fetchall()
        searched = time.perf_counter()
        results = rerank(arguments.query, [row[0] for row in rows], top_k=5)
        reranked = time.perf_counter()

        print(f"{len(texts)} texts; {arguments.query}")
        show(f"by vectors, {(searched - begin) * 1e3:.1f} ms", rows)
        show_reranked(f"the {len(rows)} best reranked, {(reranked - searched) * 1e3:.1f} ms", results)


if __name__ == "__main__":
    main()
