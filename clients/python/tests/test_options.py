"""Retries, keys and encryption, against a server that answers what is written down."""

from __future__ import annotations

import asyncio
import pathlib
import shutil
import subprocess
from typing import Any, Callable, List

import grpc
import pytest
from scripted_server import Failure, ScriptedServer

import rerankd
from rerankd import AsyncRerankFunction, ClientOptions, RerankFunction, RetryOptions, TlsOptions

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    "code, attempts, retry_after, chance, pause",
    [
        (UNAVAILABLE, 1, None, 1.0, 0.1),
        (UNAVAILABLE, 2, None, 1.0, 0.2),
        (UNAVAILABLE, 2, None, 0.0, 0.1),
        (UNAVAILABLE, 4, 3.0, 1.0, 3.5),  # the cap of 0.5 is reached
        (UNAVAILABLE, 4, 3.0, 0.0, 3.25),
        (UNAVAILABLE, 5, None, 1.0, None),  # the last attempt
        (grpc.StatusCode.CANCELLED, 1, None, 1.0, 0.1),  # by a server that begins to stop
        (EXHAUSTED, 1, 2.0, 1.0, 2.1),
        (EXHAUSTED, 1, None, 0.0, None),  # the server does not say that it would help
        (grpc.StatusCode.INTERNAL, 1, 1.0, 0.0, None),
        (grpc.StatusCode.DEADLINE_EXCEEDED, 1, None, 0.0, None),
    ],
)
def test_pause(code: Any, attempts: int, retry_after: Any, chance: float, pause: Any) -> None:
    options = RetryOptions(max_attempts=5, initial_backoff=0.1, max_backoff=0.5)
    assert options.pause(code, attempts, retry_after, chance) == pause


def test_a_backoff_that_doubled_for_ever_is_the_cap() -> None:
    options = RetryOptions(max_attempts=10**6, initial_backoff=0.1, max_backoff=0.5)
    assert options.pause(UNAVAILABLE, 99_999, None, 1.0) == 0.5


@pytest.fixture(params=["blocking", "asyncio"])
def call(request: pytest.FixtureRequest) -> Callable[[str, ClientOptions], Any]:
    def blocking(target: str, options: ClientOptions) -> Any:
        with RerankFunction(target, options=options) as rerank:
            return rerank("q", ["a"])

    def with_asyncio(target: str, options: ClientOptions) -> Any:
        async def run() -> Any:
            async with AsyncRerankFunction(target, options=options) as rerank:
                return await rerank("q", ["a"])

        return asyncio.run(run())

    return blocking if request.param == "blocking" else with_asyncio


def test_retries_what_the_server_asks_to_repeat_within_one_deadline(call: Any) -> None:
    quick = RetryOptions(initial_backoff=0.001)
    with ScriptedServer([Failure(EXHAUSTED, retry_after=1), Failure(UNAVAILABLE)]) as server:
        assert call(server.target, ClientOptions(timeout=20, retry=quick)) == []
    # What the second attempt may take at most; gRPC rounds it up on its way.
    assert [one["seconds"] <= 19.5 for one in server.calls[1:]] == [True, True]


@pytest.mark.parametrize(
    "failure",
    [
        Failure(EXHAUSTED),
        Failure(EXHAUSTED, retry_after=60),  # after the deadline
        Failure(grpc.StatusCode.INTERNAL),
        Failure(grpc.StatusCode.DEADLINE_EXCEEDED),
    ],
)
def test_other_failures_are_raised_at_once(call: Any, failure: Failure) -> None:
    with ScriptedServer([failure]) as server:
        with pytest.raises(rerankd.RerankError, match="scripted") as error:
            call(server.target, ClientOptions(timeout=20))
    assert error.value.code is failure.code
    assert len(server.calls) == 1


def test_details_that_are_none_count_as_nothing_said(call: Any) -> None:
    with ScriptedServer([Failure(grpc.StatusCode.INTERNAL, details=b"\xff\xff\xff")]) as server:
        with pytest.raises(rerankd.InternalError) as error:
            call(server.target, ClientOptions())
    assert error.value.reason == ""
    assert error.value.violations == ()


def test_a_code_without_a_class_of_its_own(call: Any) -> None:
    with ScriptedServer([Failure(grpc.StatusCode.ABORTED)]) as server:
        with pytest.raises(rerankd.RerankError) as error:
            call(server.target, ClientOptions())
    assert type(error.value) is rerankd.RerankError
    assert error.value.code is grpc.StatusCode.ABORTED


def test_keys_travel_as_metadata_and_do_not_show(call: Any) -> None:
    options = ClientOptions(api_key="s3ntinel-a", provider_key="s3ntinel-b", metadata={"x-tenant": "s3ntinel-c"})
    with ScriptedServer([]) as server:
        call(server.target, options)
    assert server.calls[0]["authorization"] == "Bearer s3ntinel-a"
    assert server.calls[0]["x-rerank-provider-key"] == "s3ntinel-b"
    assert server.calls[0]["x-tenant"] == "s3ntinel-c"
    assert "s3ntinel" not in repr(options)


def test_the_environments_key_is_used_unless_another_is_given(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RERANKD_API_KEY", "of-the-environment")
    with ScriptedServer([]) as server:
        call(server.target, ClientOptions())
        call(server.target, ClientOptions(api_key="given"))
        call(server.target, ClientOptions(api_key=""))
    assert [one.get("authorization") for one in server.calls] == ["Bearer of-the-environment", "Bearer given", None]


@pytest.mark.parametrize(
    "options, name",
    [
        ({"metadata": {"x-a\n": "s3ntinel"}}, "metadata"),
        ({"metadata": {"X-Tenant": "s3ntinel"}}, "metadata"),
        ({"metadata": {"": "s3ntinel"}}, "metadata"),
        ({"metadata": {":path": "s3ntinel"}}, "metadata"),
        ({"metadata": {"grpc-status": "s3ntinel"}}, "metadata"),
        ({"metadata": {7: "s3ntinel"}}, "metadata"),
        ({"metadata": {"x-a": "s3ntinel\r"}}, "x-a"),
        ({"metadata": {"x-a": "s3ntinel-\u00e9"}}, "x-a"),
        ({"metadata": {"x-a": 5}}, "x-a"),
        ({"metadata": {"x-a-bin": "s3ntinel"}}, "x-a-bin"),
        ({"api_key": "s3ntinel\n"}, "authorization"),
        ({"provider_key": "s3ntinel\u2028"}, "x-rerank-provider-key"),
    ],
)
@pytest.mark.parametrize("client", [RerankFunction, AsyncRerankFunction])
def test_metadata_that_cannot_be_sent_is_refused_by_its_name(client: Any, options: Any, name: str) -> None:
    with pytest.raises(rerankd.InvalidArgumentError, match=f"^{name} ") as error:
        client(options=ClientOptions(**options))
    assert error.value.attempts == 0
    assert "s3ntinel" not in str(error.value) + repr(error.value)


def test_bytes_travel_under_a_name_for_bytes(call: Any) -> None:
    with ScriptedServer([]) as server:
        call(server.target, ClientOptions(metadata={"x-a-bin": b"\x00\xff"}))  # type: ignore[dict-item]
    assert server.calls[0]["x-a-bin"] == b"\x00\xff"


@pytest.mark.parametrize("request_id", ["caf\u00e9", "a\nb", "a\x7f", 7])
def test_a_request_id_that_cannot_be_sent_is_refused(request_id: Any) -> None:
    async def run(target: str) -> None:
        async with AsyncRerankFunction(target) as rerank:
            with pytest.raises(rerankd.InvalidArgumentError, match="^x-request-id must be printable ASCII"):
                await rerank.rerank("q", ["a"], request_id=request_id)

    with ScriptedServer([]) as server:
        with RerankFunction(server.target) as rerank:
            with pytest.raises(rerankd.InvalidArgumentError, match="^x-request-id must be printable ASCII"):
                rerank.rerank("q", ["a"], request_id=request_id)
        asyncio.run(run(server.target))
    assert server.calls == []


@pytest.mark.parametrize(
    "option",
    [("grpc.lb_policy_name", "pick_first"), ("grpc.service_config", '{"loadBalancingConfig": [{"pick_first": {}}]}')],
)
def test_channel_options_say_how_calls_are_spread(option: Any) -> None:
    with ScriptedServer([]) as one, ScriptedServer([]) as other:
        target = f"ipv4:{one.target},{other.target}"
        with RerankFunction(target, options=ClientOptions(channel_options=(option,))) as rerank:
            for _ in range(20):
                rerank("q", ["a"])
        assert [len(one.calls), len(other.calls)] == [20, 0]


def make_certificates(folder: pathlib.Path) -> None:
    """ca.pem; server.pem and client.pem by it, each with its .key. The server is "rerankd.test"."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *ec, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority", "-days", "2")
    for name in ("server", "client"):
        openssl("req", *ec, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / "extensions").write_text("subjectAltName=DNS:rerankd.test\n")
        openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-out", f"{name}.pem", "-days", "2", "-extfile", "extensions"),
        )


def test_tls_with_a_certificate_on_both_sides(call: Any, tmp_path: pathlib.Path) -> None:
    make_certificates(tmp_path)

    def read(name: str) -> bytes:
        return (tmp_path / name).read_bytes()

    def with_files(*names: str, server_name: str = "rerankd.test") -> ClientOptions:
        files: List[Any] = [str(tmp_path / name) for name in names]
        tls = TlsOptions(*files, server_name=server_name)
        return ClientOptions(tls=tls, retry=RetryOptions(max_attempts=1))

    credentials = grpc.ssl_server_credentials(
        [(read("server.key"), read("server.pem"))], read("ca.pem"), require_client_auth=True
    )
    with ScriptedServer([], credentials) as server:
        assert call(server.target, with_files("ca.pem", "client.pem", "client.key")) == []
        for refused in [
            with_files("ca.pem"),  # no certificate of its own
            with_files("ca.pem", "client.pem", "client.key", server_name="elsewhere.test"),
            ClientOptions(tls=TlsOptions(), retry=RetryOptions(max_attempts=1)),  # an authority nobody knows
            ClientOptions(retry=RetryOptions(max_attempts=1)),  # plain text
        ]:
            with pytest.raises(rerankd.UnavailableError):
                call(server.target, refused)
    assert len(server.calls) == 1


def test_half_a_certificate_or_none_there_is_said_at_once(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="belong together"):
        RerankFunction(options=ClientOptions(tls=TlsOptions(cert_file="x")))
    with pytest.raises(OSError, match="nobody.pem"):
        AsyncRerankFunction(options=ClientOptions(tls=TlsOptions(ca_file=str(tmp_path / "nobody.pem"))))
