"""RerankFunction and AsyncRerankFunction against the real server."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from typing import Any, Callable, Iterator, List

import grpc
import pytest
from conftest import DEFAULT_MODEL, MODELS, PATIENCE, Server, sample

import rerankd
from rerankd import AsyncRerankFunction, ClientOptions, RerankFunction, RetryOptions, ScoreKind, Truncation

QUERY = sample()["query"]
DOCUMENTS = sample()["documents"]
ONCE = RetryOptions(max_attempts=1)
# More than any machine computes while a test waits.
LONG_WORK = ["word " * 300] * 3000


@pytest.fixture(params=["blocking", "asyncio"])
def call(request: pytest.FixtureRequest, server: Server) -> Iterator[Callable[..., Any]]:
    """call(query, documents, ..., model=..., options=...): RerankAnswer, by either client."""

    def blocking(*arguments: Any, model: str = "", options: Any = None, **keywords: Any) -> Any:
        with RerankFunction(server.target, model, options) as rerank:
            return rerank.rerank(*arguments, **keywords)

    def with_asyncio(*arguments: Any, model: str = "", options: Any = None, **keywords: Any) -> Any:
        async def run() -> Any:
            async with AsyncRerankFunction(server.target, model, options) as rerank:
                return await rerank.rerank(*arguments, **keywords)

        return asyncio.run(run())

    yield blocking if request.param == "blocking" else with_asyncio


def test_results_are_best_first_with_text_score_and_index(server: Server) -> None:
    with RerankFunction(server.target) as rerank:
        results = rerank(QUERY, DOCUMENTS, top_k=3)
    assert [result.index for result in results][0] == 1
    assert len(results) == 3
    assert all(result.text == DOCUMENTS[result.index] for result in results)
    scores = [result.score for result in results]
    assert scores == sorted(scores, reverse=True)
    assert results[0].to_dict() == {"text": DOCUMENTS[1], "score": scores[0], "index": 1}


def test_both_clients_give_the_same(server: Server) -> None:
    async def run() -> List[rerankd.RerankResult]:
        async with AsyncRerankFunction(server.target, "tiny") as rerank:
            return await rerank(QUERY, DOCUMENTS)

    with RerankFunction(server.target, "tiny") as rerank:
        expected = rerank(QUERY, DOCUMENTS)
    assert [result.index for result in asyncio.run(run())] == [result.index for result in expected]


@pytest.mark.parametrize("top_k, count", [(None, 4), (0, 4), (2, 2), (100, 4)])
def test_top_k(call: Callable[..., Any], top_k: Any, count: int) -> None:
    assert len(call(QUERY, DOCUMENTS, top_k, model="tiny").results) == count


def test_no_documents(call: Callable[..., Any]) -> None:
    assert call(QUERY, []).results == []


def test_the_answer_tells_what_was_done(call: Callable[..., Any], server: Server) -> None:
    answer = call(QUERY, DOCUMENTS, model="tiny", score_kind=ScoreKind.RAW, request_id="trace-42")
    assert answer.model == "tiny"
    assert answer.score_kind is ScoreKind.RAW
    assert answer.total_tokens > answer.document_tokens > answer.query_tokens > 0
    assert answer.timings.compute > 0
    assert answer.request_id == "trace-42"
    line = server.request_line("trace-42")
    assert line["documents"] == 4


def test_truncation_is_told_and_can_be_refused(call: Callable[..., Any]) -> None:
    texts = ["short", "long " * 3000]
    answer = call("q", texts, model="tiny")
    assert {result.index: result.truncated for result in answer.results} == {0: False, 1: True}
    with pytest.raises(rerankd.InvalidArgumentError) as error:
        call("q", texts, model="tiny", truncation=Truncation.REFUSE)
    assert error.value.reason == "TEXT_TOO_LONG"


def test_list_models(server: Server) -> None:
    async def run() -> List[rerankd.Model]:
        async with AsyncRerankFunction(server.target) as rerank:
            return await rerank.list_models()

    with RerankFunction(server.target) as rerank:
        models = rerank.list_models()
    assert asyncio.run(run()) == models
    assert models[0].is_default and models[0].name == DEFAULT_MODEL
    assert models[0].state is rerankd.ModelState.READY
    assert models[1].aliases == ("BAAI/bge-reranker-v2-m3", "cross-encoder/ms-marco-MiniLM-L-6-v2")


def test_an_error_has_the_servers_message_reason_and_fields(call: Callable[..., Any]) -> None:
    with pytest.raises(rerankd.InvalidArgumentError, match=r"documents\[1\]") as error:
        call("q", ["a", ""], request_id="trace-43")
    assert error.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert error.value.reason == "EMPTY_FIELD"
    assert error.value.domain == "rerankd"
    assert [violation.field for violation in error.value.violations] == ["documents[1]"]
    assert error.value.request_id == "trace-43"
    assert error.value.attempts == 1
    assert isinstance(error.value, ValueError)


def test_documents_may_come_one_by_one_and_a_timeout_may_be_endless(call: Callable[..., Any]) -> None:
    answer = call("q", (text for text in ("a", "b")), timeout=float("inf"))
    assert {result.text for result in answer.results} == {"a", "b"}


def test_an_unknown_model_names_the_known_ones(call: Callable[..., Any]) -> None:
    with pytest.raises(rerankd.NotFoundError, match=DEFAULT_MODEL) as error:
        call("q", ["a"], model="nobody")
    assert error.value.reason == "UNKNOWN_MODEL"


def test_what_no_message_can_hold_names_its_field(call: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="documents must be a list"):
        call("q", "one text")
    with pytest.raises(TypeError, match=r"documents\[1\] must be a str, not int"):
        call("q", ["a", 1])
    with pytest.raises(TypeError, match=r"documents\[0\] must be a str, not bytes"):
        call("q", [b"a"])
    for what in (None, {"a": 1}):
        with pytest.raises(TypeError, match="documents must be a list"):
            call("q", what)
    with pytest.raises(ValueError, match="timeout"):
        call("q", ["a"], timeout=float("nan"))
    with pytest.raises(TypeError, match="query must be a str, not NoneType|query"):
        call(1, ["a"])
    with pytest.raises(rerankd.InvalidArgumentError, match=r"documents\[0\] has a lone surrogate at position 2"):
        call("q", ["ab\ud800"])
    with pytest.raises(rerankd.InvalidArgumentError, match="top_k"):
        call("q", ["a"], -1)


def test_a_request_over_the_limit_is_not_sent_again(call: Callable[..., Any]) -> None:
    with pytest.raises(rerankd.ResourceExhaustedError) as error:
        call("q", ["a" * 2000], options=ClientOptions(max_message_bytes=1000))
    assert error.value.attempts == 1


def test_what_is_unavailable_for_a_while_is_sent_again(call: Callable[..., Any]) -> None:
    query = f"fault:burst:503:2:{call.__name__}"
    answer = call(query, ["a"], model="rerank-2", options=ClientOptions(retry=RetryOptions(initial_backoff=0.01)))
    assert len(answer.results) == 1


def test_attempts_have_an_end(call: Callable[..., Any]) -> None:
    options = ClientOptions(retry=RetryOptions(max_attempts=3, initial_backoff=0.01))
    with pytest.raises(rerankd.UnavailableError, match="voyage: http 503") as error:
        call("fault:status:503", ["a"], model="rerank-2", options=options)
    assert error.value.attempts == 3
    assert error.value.metadata["provider"] == "voyage"


def test_a_pause_that_would_outlast_the_timeout_is_not_begun(call: Callable[..., Any]) -> None:
    with pytest.raises(rerankd.ResourceExhaustedError) as error:
        call("fault:status:429:3600", ["a"], model="rerank-2")
    assert error.value.retry_after == pytest.approx(3600, abs=1)
    assert error.value.attempts == 1


def test_nobody_listens() -> None:
    options = ClientOptions(retry=RetryOptions(max_attempts=2, initial_backoff=0.01))
    with RerankFunction("127.0.0.1:1", options=options) as rerank:
        with pytest.raises(rerankd.UnavailableError) as error:
            rerank("q", ["a"])
    assert error.value.attempts == 2
    assert isinstance(error.value, ConnectionError)


@pytest.mark.parametrize(
    "model, documents, query",
    [(DEFAULT_MODEL, LONG_WORK, "q"), ("rerank-2", ["a"], "fault:silent")],
    ids=["local", "hosted"],
)
def test_a_call_that_timed_out_leaves_nothing_running(
    call: Callable[..., Any], server: Server, model: str, documents: List[str], query: str
) -> None:
    request_id = f"timeout-{call.__name__}-{model}"
    with pytest.raises(rerankd.DeadlineExceededError) as error:
        call(query, documents, model=model, timeout=2, request_id=request_id)
    assert isinstance(error.value, TimeoutError)
    # The client ends its call at the deadline too: whichever the server sees first.
    assert server.request_line(request_id)["status"] in ("DEADLINE_EXCEEDED", "CANCELLED")
    server.wait_for_calls(0)


@pytest.mark.parametrize(
    "model, documents, query",
    [(DEFAULT_MODEL, LONG_WORK, "q"), ("rerank-2", ["a"], "fault:silent")],
    ids=["local", "hosted"],
)
def test_a_task_that_is_cancelled_leaves_nothing_running(
    server: Server, model: str, documents: List[str], query: str
) -> None:
    request_id = f"cancel-{model}"
    server.wait_for_calls(0)

    async def run() -> None:
        async with AsyncRerankFunction(server.target, model) as rerank:
            task = asyncio.ensure_future(rerank.rerank(query, documents, request_id=request_id))
            await asyncio.to_thread(server.wait_for_calls, 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())
    assert server.request_line(request_id)["status"] == "CANCELLED"
    server.wait_for_calls(0)


def test_closing_ends_calls_of_other_threads(server: Server) -> None:
    server.wait_for_calls(0)
    rerank = RerankFunction(server.target, "rerank-2")
    errors: List[BaseException] = []

    def hang() -> None:
        try:
            rerank.rerank("fault:silent", ["a"], request_id="closed")
        except rerankd.RerankError as error:
            errors.append(error)

    thread = threading.Thread(target=hang)
    thread.start()
    server.wait_for_calls(1)
    rerank.close()
    thread.join()
    assert [type(error) for error in errors] == [rerankd.CancelledError]
    assert server.request_line("closed")["status"] == "CANCELLED"


def test_closing_ends_calls_of_other_tasks(server: Server) -> None:
    server.wait_for_calls(0)

    async def run() -> None:
        rerank = AsyncRerankFunction(server.target, "rerank-2")
        task = asyncio.ensure_future(rerank.rerank("fault:silent", ["a"], request_id="closed-asyncio"))
        await asyncio.to_thread(server.wait_for_calls, 1)
        await rerank.close()
        with pytest.raises(rerankd.CancelledError, match="the client was closed") as error:
            await task
        assert error.value.attempts == 1

    asyncio.run(run())
    assert server.request_line("closed-asyncio")["status"] == "CANCELLED"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="no task tells how often it was cancelled")
def test_a_task_that_is_cancelled_as_its_client_is_closed_is_cancelled(server: Server) -> None:
    server.wait_for_calls(0)

    async def run() -> None:
        rerank = AsyncRerankFunction(server.target, "rerank-2")
        task = asyncio.ensure_future(rerank.rerank("fault:silent", ["a"]))
        await asyncio.to_thread(server.wait_for_calls, 1)
        task.cancel()
        await rerank.close()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_closing_ends_the_pause_between_two_attempts(server: Server) -> None:
    """The server asks to come back in 20 s."""
    query = "fault:status:429:20"
    rerank = RerankFunction(server.target, "rerank-2")
    errors: List[BaseException] = []

    def wait() -> None:
        try:
            rerank.rerank(query, ["a"], request_id="paused")
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    server.request_line("paused")
    rerank.close()
    thread.join()
    assert [type(error) for error in errors] == [rerankd.CancelledError]

    async def run() -> None:
        client = AsyncRerankFunction(server.target, "rerank-2")
        task = asyncio.ensure_future(client.rerank(query, ["a"], request_id="paused-asyncio"))
        await asyncio.to_thread(server.request_line, "paused-asyncio")
        await client.close()
        with pytest.raises(rerankd.CancelledError):
            await task

    asyncio.run(run())


def test_a_thousand_calls_at_once(server: Server) -> None:
    async def run() -> List[Any]:
        async with AsyncRerankFunction(server.target, "tiny", ClientOptions(retry=ONCE)) as rerank:
            expected = [await rerank(f"query {i}", DOCUMENTS) for i in range(3)]
            answers = await asyncio.gather(*(rerank(f"query {i % 3}", DOCUMENTS) for i in range(1000)))
            return [expected, answers]

    expected, answers = asyncio.run(run())
    for i, answer in enumerate(answers):
        assert [result.index for result in answer] == [result.index for result in expected[i % 3]]


def test_threads_share_a_client(server: Server) -> None:
    failures: List[BaseException] = []
    with RerankFunction(server.target, "tiny") as rerank:

        def work() -> None:
            try:
                for _ in range(20):
                    assert len(rerank(QUERY, DOCUMENTS)) == 4
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


def test_an_async_client_serves_one_loop_after_the_other(server: Server) -> None:
    rerank = AsyncRerankFunction(server.target, "tiny")
    first = asyncio.run(rerank(QUERY, DOCUMENTS))
    assert asyncio.run(rerank(QUERY, DOCUMENTS)) == first


def test_the_connection_of_a_loop_that_is_over_is_closed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    channels: List[grpc.aio.Channel] = []
    make = grpc.aio.insecure_channel

    def recording(*arguments: Any) -> grpc.aio.Channel:
        channels.append(make(*arguments))
        return channels[-1]

    monkeypatch.setattr(grpc.aio, "insecure_channel", recording)
    rerank = AsyncRerankFunction(server.target, "tiny")
    for _ in range(3):
        asyncio.run(rerank(QUERY, DOCUMENTS))
    shutdown = grpc.ChannelConnectivity.SHUTDOWN
    assert [channel.get_state() is shutdown for channel in channels] == [True, True, False]
    asyncio.run(rerank.close())  # a fourth loop, and no call in it
    assert channels[2].get_state() is shutdown


def test_loops_that_run_at_once_have_connections_of_their_own(server: Server) -> None:
    rerank = AsyncRerankFunction(server.target, "tiny")
    failures: List[BaseException] = []
    both = threading.Barrier(2)

    async def work() -> None:
        for _ in range(10):
            both.wait()
            assert len(await rerank(QUERY, DOCUMENTS)) == 4

    def loop() -> None:
        try:
            asyncio.run(work())
        except BaseException as error:
            failures.append(error)
            both.abort()

    threads = [threading.Thread(target=loop) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    asyncio.run(rerank.close())


def test_a_closed_client_refuses(server: Server) -> None:
    rerank = RerankFunction(server.target)
    rerank.close()
    with pytest.raises(ValueError):
        rerank("q", ["a"])

    async def run() -> None:
        client = AsyncRerankFunction(server.target)
        await client.close()
        with pytest.raises(ValueError):
            await client("q", ["a"])

    asyncio.run(run())


def test_a_unix_socket(socket: str) -> None:
    server = Server(["--listen", socket, "--model", str(MODELS / "tiny-cross-encoder")])
    try:
        with RerankFunction(socket) as rerank:
            assert len(rerank(QUERY, DOCUMENTS)) == 4

        async def run() -> int:
            async with AsyncRerankFunction(socket) as client:
                return len(await client(QUERY, DOCUMENTS))

        assert asyncio.run(run()) == 4
    finally:
        assert server.stop() == 0


@pytest.fixture
def two_servers() -> Iterator[List[Server]]:
    servers = [
        Server(["--listen", "127.0.0.1:0", "--model", str(MODELS / "tiny-cross-encoder")]) for _ in range(2)
    ]
    yield servers
    assert [server.stop() for server in servers] == [0, 0]


def test_all_addresses_of_a_name_are_called(two_servers: List[Server]) -> None:
    nobody = "127.0.0.1:1"
    target = f"ipv4:{','.join([nobody, *(server.target for server in two_servers)])}"
    options = ClientOptions(retry=ONCE)
    deadline = time.monotonic() + PATIENCE

    def one_is_missing(request_id: str) -> bool:
        assert time.monotonic() < deadline, "one of the two is never called"
        return not all(server.wrote(lambda line: line.get("id") == request_id) for server in two_servers)

    with RerankFunction(target, options=options) as rerank:
        while one_is_missing("blocking"):
            rerank.rerank(QUERY, ["a"], request_id="blocking")

    async def run() -> None:
        async with AsyncRerankFunction(target, options=options) as client:
            while one_is_missing("asyncio"):
                await client.rerank(QUERY, ["a"], request_id="asyncio")

    asyncio.run(run())


def test_a_server_that_comes_back_is_found_again(socket: str) -> None:
    arguments = ["--listen", socket, "--model", str(MODELS / "tiny-cross-encoder")]
    patient = ClientOptions(timeout=60, retry=RetryOptions(max_attempts=1000, max_backoff=0.1))
    with RerankFunction(socket, options=patient) as rerank:
        server = Server(arguments)
        before = rerank(QUERY, DOCUMENTS)
        assert server.stop() == 0
        server = Server(arguments)
        try:
            assert rerank(QUERY, DOCUMENTS) == before
        finally:
            server.stop()


def test_the_environment_names_the_target(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RERANKD_TARGET", server.target)
    with RerankFunction() as rerank:
        assert len(rerank(QUERY, DOCUMENTS)) == 4
