"""The real server, and hosted providers on loopback that misbehave on demand.

Environment: RERANKD_PROGRAM (the server; unset: the newest one below build/), RERANKD_H2 (a folder with the
Python package h2, for the providers).
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from typing import Any, Callable, Dict, Iterator, List, Mapping

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
MODELS = ROOT / "tests" / "data" / "models"
DEFAULT_MODEL = "rerankd-mini-en-v2"
PATIENCE = 60  # seconds, for anything a test waits for

CALLERS_KEY = "s3ntinel-callers-key"


def server_program() -> str:
    program = os.environ.get("RERANKD_PROGRAM")
    if program:
        return program
    built = sorted(ROOT.glob("build/*/server/rerankd"), key=lambda path: path.stat().st_mtime)
    if not built:
        pytest.skip("no server: set RERANKD_PROGRAM, or build one")
    return str(built[-1])


def sample() -> Any:
    return json.loads((ROOT / "tools" / "sample" / "dartmouth.json").read_text())


class Server:
    """rerankd in a process of its own, with its log."""

    def __init__(self, arguments: List[str], environment: Mapping[str, str] = {}) -> None:
        # Not the settings of a server of the tester's own.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("RERANKD_")}
        self.process = subprocess.Popen(
            [server_program(), "--log-format", "json", *arguments],
            env={**inherited, "no_proxy": "*", **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        self._lines: List[Dict[str, Any]] = []
        self._ended = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.target: str = self.wait_for_line(lambda line: line["message"] == "serving")["address"]

    def wait_for_line(self, wanted: Callable[[Dict[str, Any]], bool]) -> Dict[str, Any]:
        """The first line of the log that is as `wanted`."""
        deadline = time.monotonic() + PATIENCE
        seen = 0
        with self._changed:
            while True:
                for line in self._lines[seen:]:
                    if wanted(line):
                        return line
                seen = len(self._lines)
                if self._ended:
                    raise AssertionError(f"the server ended, and wrote no such line; the last: {self._lines[-3:]}")
                if not self._changed.wait(deadline - time.monotonic()):
                    raise AssertionError(f"no such line within {PATIENCE} s; the last: {self._lines[-3:]}")

    def wrote(self, wanted: Callable[[Dict[str, Any]], bool]) -> bool:
        """Whether the log has a line that is as `wanted` by now."""
        with self._changed:
            return any(wanted(line) for line in self._lines)

    def request_line(self, request_id: str) -> Dict[str, Any]:
        """The log line of the call with this id."""
        return self.wait_for_line(lambda line: line.get("id") == request_id)

    def wait_for_calls(self, number: int) -> None:
        """Returns once so many calls are in progress. The server must have been told to serve its metrics."""
        address = self.wait_for_line(lambda line: line["message"] == "metrics")["address"]
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + PATIENCE
        while True:
            page = direct.open(f"http://{address}/metrics", timeout=PATIENCE).read().decode()
            (now,) = [line.split()[1] for line in page.splitlines() if line.startswith("rerankd_calls_in_progress ")]
            if float(now) == number:
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"{now} calls in progress after {PATIENCE} s, not {number}")
            time.sleep(0.01)

    def stop(self) -> int:
        self.process.terminate()
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status

    def _read(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            line = json.loads(text)
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


@pytest.fixture
def socket() -> Iterator[str]:
    """A target whose path is short: a socket's name has room for some hundred bytes."""
    with tempfile.TemporaryDirectory(prefix="rerankd-", dir="/tmp") as folder:
        yield f"unix:{folder}/socket"


@pytest.fixture(scope="session")
def providers() -> Iterator[Dict[str, Any]]:
    """The addresses of tests/support/fake_providers.py."""
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.environ.get("RERANKD_H2", "")
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "support" / "fake_providers.py")],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    yield json.loads(process.stdout.readline())
    process.stdin.close()
    process.wait(PATIENCE)


@pytest.fixture(scope="session")
def server(providers: Dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server with all kinds of entries; the default model is the one that comes with it."""
    http = providers["http"]
    hosted = "allow_http: true, max_retries: 0, breaker_calls: 1000000"
    config = tmp_path_factory.mktemp("server") / "rerankd.yaml"
    config.write_text(
        f"""
models:
  - {{name: {DEFAULT_MODEL}, path: {ROOT}/models/{DEFAULT_MODEL}}}
  - {{name: tiny, path: {MODELS}/tiny-cross-encoder, aliases: [BAAI/bge-reranker-v2-m3, cross-encoder/ms-marco-MiniLM-L-6-v2]}}
  - {{name: rerank-2, kind: voyage, model: rerank-2, base_url: {http}/voyage, caller_key: allow, {hosted}}}
  - {{name: rerank-english-v3.0, kind: cohere, model: rerank-english-v3.0, base_url: {http}/cohere, {hosted}}}
  - {{name: jina-reranker-v2-base-multilingual, kind: jina, model: jina-reranker-v2-base-multilingual, base_url: {http}/jina, {hosted}}}
"""
    )
    keys = {"VOYAGE_API_KEY": "server-key", "CO_API_KEY": "server-key", "JINA_API_KEY": "server-key"}
    running = Server(["--config", str(config), "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"], keys)
    yield running
    assert running.stop() == 0
