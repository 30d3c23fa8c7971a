"""The examples and the measuring script run to their end against the real server."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from typing import List

import pytest
from conftest import ROOT, Server

PACKAGE = ROOT / "clients" / "python"


def run(server: Server, script: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(PACKAGE / script), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "RERANKD_TARGET": server.target},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_quickstart(server: Server) -> None:
    printed = run(server, "examples/quickstart.py")
    assert printed.splitlines()[0].split()[1] == "#1"
    assert "InvalidArgumentError EMPTY_FIELD documents[1] is empty" in printed
    assert "100 answers" in printed


def test_search_with_milvus_moves_what_answers_to_the_top(server: Server) -> None:
    for package in ("pymilvus", "milvus_lite"):
        if importlib.util.find_spec(package) is None or importlib.util.find_spec("numpy") is None:
            pytest.skip("needs the Python packages pymilvus and milvus-lite; tools/test_python_extras.sh has them")
    printed = run(server, "examples/search_with_milvus.py")
    # Each part: what vectors found, or the same reranked.
    _, _, sample, docstrings, reranked = parts(printed)
    assert sample[0].split()[2:5] == ["The", "Dartmouth", "Conference"]
    assert not any("shutil.copytree" in line for line in docstrings)
    assert any("shutil.copytree" in line for line in reranked)


def parts(printed: str) -> List[List[str]]:
    """What came before any list, and each list's five lines."""
    return [part.splitlines()[1:6] for part in printed.split("\n-- ")]


def test_search_with_pgvector_moves_what_answers_to_the_top(server: Server) -> None:
    for package in ("pgserver", "psycopg"):
        if importlib.util.find_spec(package) is None:
            pytest.skip("needs the Python packages pgserver and psycopg; tools/test_python_extras.sh has them")
    _, found, reranked = parts(run(server, "examples/search_with_pgvector.py"))
    assert len(found) == len(reranked) == 5
    assert not any("shutil.copytree" in line for line in found)
    assert any("shutil.copytree" in line for line in reranked)


def test_search_with_opensearch_reranks_what_it_finds(server: Server) -> None:
    url = os.environ.get("RERANKD_OPENSEARCH_URL")
    if not url:
        pytest.skip("needs an OpenSearch in RERANKD_OPENSEARCH_URL; tools/opensearch.sh run has one")
    _, found, reranked = parts(run(server, "examples/search_with_opensearch.py", "--url", url))
    assert len(found) == len(reranked) == 5
    assert "shutil.copytree" in found[0]
    assert all("shutil.copy" in line for line in (found[0], reranked[0]))
    assert all("(was " in line for line in reranked)


def test_overhead_prints_both_clients(server: Server) -> None:
    printed = run(server, "bench/overhead.py", "--target", server.target, "--model", "tiny", "--calls", "40")
    assert [line.split(":")[0] for line in printed.splitlines()] == ["blocking", "asyncio"]
