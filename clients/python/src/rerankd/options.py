"""How a client reaches its server, and how long it tries."""

from __future__ import annotations

import math
import os
import random
import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Tuple

import grpc

from .errors import invalid_argument

DEFAULT_TARGET = "127.0.0.1:50051"
PROVIDER_KEY = "x-rerank-provider-key"
REQUEST_ID = "x-request-id"


@dataclass(frozen=True)
class RetryOptions:
    """When a call is sent again, and after which pause.

    It is after UNAVAILABLE, CANCELLED by the server, and RESOURCE_EXHAUSTED where the server says when to come back.
    The pause is what the server asks for, and on top of that between half and all of a
    backoff that doubles from one attempt to the next. A pause that would outlast the call's timeout is not begun: the
    error is raised at once.
    """

    max_attempts: int = 5  # 1: never sent again
    initial_backoff: float = 0.1  # seconds
    max_backoff: float = 2.0  # seconds

    def pause(
        self, code: grpc.StatusCode, attempts: int, retry_after: Optional[float], chance: float
    ) -> Optional[float]:
        """Seconds to wait after the attempt number `attempts` failed; None: do not send it again.

        `chance` is between 0 and 1.
        """
        if attempts >= self.max_attempts:
            return None
        if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
            if retry_after is None:
                return None
        # CANCELLED, when not by the caller: gRPC of a server that begins to stop says so.
        elif code not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
            return None
        # Past the exponent, doubling would overflow; the cap was reached long before.
        backoff = min(self.max_backoff, self.initial_backoff * 2.0 ** min(attempts - 1, 30))
        return (retry_after or 0.0) + (0.5 + 0.5 * chance) * backoff

    def pause_within(
        self,
        code: grpc.StatusCode,
        attempts: int,
        retry_after: Optional[float],
        remaining: Optional[float],
    ) -> Optional[float]:
        """As pause(), by chance; None also where it would outlast the `remaining` seconds."""
        pause = self.pause(code, attempts, retry_after, random.random())
        if pause is not None and remaining is not None and pause >= remaining:
            return None
        return pause


@dataclass(frozen=True)
class TlsOptions:
    """Encryption. The files are PEM and are read when the channel is made."""

    ca_file: Optional[str] = None  # whom to trust; None: grpcio's own list of authorities
    cert_file: Optional[str] = None  # this client's own, for a server that asks for one
    key_file: Optional[str] = None
    server_name: Optional[str] = None  # in the server's certificate; None: the target's host

    def credentials(self) -> grpc.ChannelCredentials:
        """OSError: a file cannot be read. ValueError: one of cert_file and key_file is missing."""
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together: give both or none")
        return grpc.ssl_channel_credentials(
            root_certificates=_read(self.ca_file),
            private_key=_read(self.key_file),
            certificate_chain=_read(self.cert_file),
        )


def _read(path: Optional[str]) -> Optional[bytes]:
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()


@dataclass(frozen=True)
class ClientOptions:
    """What all calls of a client share. Keys are left out of its repr."""

    timeout: Optional[float] = 30.0  # seconds for a call with all its attempts; None: no limit
    retry: RetryOptions = RetryOptions()
    tls: Optional[TlsOptions] = None  # None: plain text
    # Sent as "authorization: Bearer KEY"; None: what the environment's RERANKD_API_KEY holds, if anything.
    api_key: Optional[str] = field(default=None, repr=False)
    # The caller's own key of the provider that hosts the model, where the entry says caller_key: allow.
    provider_key: Optional[str] = field(default=None, repr=False)
    # Of every call: lower-case keys, printable ASCII.
    metadata: Mapping[str, str] = field(default_factory=dict, repr=False)
    # The largest request, as the server limits it by default. Answers have no limit: they are smaller.
    max_message_bytes: int = 64 << 20
    # What grpcio calls channel options; they win over those of this package.
    channel_options: Tuple[Tuple[str, Any], ...] = ()

    def call_metadata(self) -> List[Tuple[str, str]]:
        """The metadata of every call. InvalidArgumentError names a key that gRPC could not send."""
        metadata = list(self.metadata.items())
        api_key = os.environ.get("RERANKD_API_KEY") if self.api_key is None else self.api_key
        if api_key:
            metadata.append(("authorization", f"Bearer {api_key}"))
        if self.provider_key:
            metadata.append((PROVIDER_KEY, self.provider_key))
        for key, value in metadata:
            check_metadata(key, value)
        return metadata

    def grpc_options(self) -> List[Tuple[str, Any]]:
        """The options of the channel."""
        options: Dict[str, Any] = {
            "grpc.max_send_message_length": self.max_message_bytes,
            "grpc.max_receive_message_length": -1,
            # Unless a service config says otherwise: gRPC lets that win.
            "grpc.lb_policy_name": "round_robin",
            # Retries are this package's: a service config with a retryPolicy would multiply them.
            "grpc.enable_retries": 0,
            # A connection that died without a word is noticed while a call waits on it.
            "grpc.keepalive_time_ms": 30_000,
            "grpc.keepalive_timeout_ms": 10_000,
            # A server that is there again is found before a call has used up its attempts, whose pauses are
            # 750 ms or more together.
            "grpc.initial_reconnect_backoff_ms": 100,
            "grpc.max_reconnect_backoff_ms": 500,
            # This one is not a pause: a connection may take so long to be made.
            "grpc.min_reconnect_backoff_ms": 1_000,
        }
        if self.tls is not None and self.tls.server_name is not None:
            options["grpc.ssl_target_name_override"] = self.tls.server_name
        options.update(self.channel_options)
        return list(options.items())


def metadata_with_request_id(metadata: List[Tuple[str, str]], request_id: str) -> List[Tuple[str, str]]:
    """The metadata of a call with this id; "": the server makes one up. InvalidArgumentError: it is not printable ASCII."""
    if not request_id:
        return metadata
    check_metadata(REQUEST_ID, request_id)
    return metadata + [(REQUEST_ID, request_id)]


def check_metadata(key: Any, value: Any) -> None:
    """InvalidArgumentError: gRPC could not send it. Says the key, and not the value, which may be secret."""
    if not isinstance(key, str) or not re.fullmatch(r"[0-9a-z_.-]+", key) or key.startswith("grpc-"):
        raise invalid_argument(
            "metadata", f"cannot have the key {key!r}: keys are of 0-9 a-z _ . - and do not begin with grpc-"
        )
    if key.endswith("-bin"):
        if not isinstance(value, bytes):
            raise invalid_argument(key, f"must be bytes, as its name ends with -bin, not {type(value).__name__}")
        return
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if not isinstance(text, str) or not re.fullmatch("[ -~]*", text):
        raise invalid_argument(key, "must be printable ASCII")


def seconds_or_none(timeout: Optional[float]) -> Optional[float]:
    """The timeout, or None where it is so long that gRPC could not hold the end of it. ValueError: it is no number."""
    if timeout is None:
        return None
    if math.isnan(timeout):
        raise ValueError("timeout must be a number of seconds, not nan")
    return None if timeout > 1e9 else timeout


def target_or_default(target: Optional[str]) -> str:
    """The target, or the environment's RERANKD_TARGET, or a server on this machine."""
    return target or os.environ.get("RERANKD_TARGET") or DEFAULT_TARGET
