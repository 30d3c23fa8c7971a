"""What a call raises: one class a gRPC status, with what the server said beyond it.

An error's text is the server's own message. Its details (google.rpc) are attributes: `reason` is
stable and made for programs ("UNKNOWN_MODEL"), `violations` name the fields at fault, `retry_after`
says when to come back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping, Optional, Tuple, Type, Union

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

_DETAILS_KEY = "grpc-status-details-bin"

Metadata = Iterable[Tuple[str, Union[str, bytes]]]


@dataclass(frozen=True)
class FieldViolation:
    """A field of the request and what is wrong with it, for example "documents[3]"."""

    field: str
    description: str


@dataclass(frozen=True)
class ErrorDetails:
    """What the server said beyond code and message; empty where it said nothing."""

    reason: str = ""
    domain: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: Tuple[FieldViolation, ...] = ()
    retry_after: Optional[float] = None  # seconds


class RerankError(Exception):
    """A call that failed. Retries, if the error was one to retry, are over."""

    def __init__(
        self,
        message: str,
        *,
        code: grpc.StatusCode = grpc.StatusCode.UNKNOWN,
        details: Optional[ErrorDetails] = None,
        request_id: str = "",
        attempts: int = 1,
    ) -> None:
        super().__init__(message)
        details = details or ErrorDetails()
        self.message = message
        self.code = code
        self.reason = details.reason
        self.domain = details.domain
        self.metadata = details.metadata
        self.violations = details.violations
        self.retry_after = details.retry_after
        self.request_id = request_id  # in the server's log
        self.attempts = attempts  # how often the call was sent

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        reason = f", reason={self.reason!r}" if self.reason else ""
        return f"{type(self).__name__}({self.message!r}, code={self.code.name}{reason})"


class InvalidArgumentError(RerankError, ValueError):
    """The request is at fault; `violations` say where."""


class NotFoundError(RerankError, LookupError):
    """The server has no such model; the message lists those it has."""


class ResourceExhaustedError(RerankError):
    """The server, or a provider's quota, takes no more work; `retry_after` says when to come back."""


class DeadlineExceededError(RerankError, TimeoutError):
    """The timeout passed before the answer was there; the server dropped the work."""


class CancelledError(RerankError):
    """The call was cancelled, by `close()` or by the server."""


class UnavailableError(RerankError, ConnectionError):
    """No server was reached, it is stopping, or a provider has no answer."""


class FailedPreconditionError(RerankError):
    """The model is not usable: not loaded, broken, or the server's key for a provider is refused."""


class UnauthenticatedError(RerankError):
    """The key was not accepted."""


class PermissionDeniedError(RerankError):
    """The key does not allow this."""


class InternalError(RerankError):
    """A fault of the server, the model or a provider."""


_CLASSES: Mapping[grpc.StatusCode, Type[RerankError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgumentError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhaustedError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
    grpc.StatusCode.CANCELLED: CancelledError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPreconditionError,
    grpc.StatusCode.UNAUTHENTICATED: UnauthenticatedError,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
    grpc.StatusCode.INTERNAL: InternalError,
}


def metadata_value(metadata: Optional[Any], key: str) -> Optional[Union[str, bytes]]:
    """The first value of a key, None without one. Takes the metadata of grpc and of grpc.aio."""
    for name, value in metadata or ():
        if name == key:
            return value  # type: ignore[no-any-return]
    return None


def error_details(trailing_metadata: Optional[Any]) -> ErrorDetails:
    """Reads the google.rpc.Status of a failed call. Bytes that are none count as nothing said."""
    raw = metadata_value(trailing_metadata, _DETAILS_KEY)
    if not isinstance(raw, bytes):
        return ErrorDetails()
    info = error_details_pb2.ErrorInfo()
    bad_request = error_details_pb2.BadRequest()
    retry_info = error_details_pb2.RetryInfo()
    retry_after: Optional[float] = None
    try:
        for detail in status_pb2.Status.FromString(raw).details:
            if detail.Unpack(retry_info):
                delay = retry_info.retry_delay
                retry_after = max(0.0, delay.seconds + delay.nanos / 1e9)
            elif not detail.Unpack(info):
                detail.Unpack(bad_request)
    except DecodeError:
        return ErrorDetails()
    return ErrorDetails(
        reason=info.reason,
        domain=info.domain,
        metadata=dict(info.metadata),
        violations=tuple(
            FieldViolation(violation.field, violation.description)
            for violation in bad_request.field_violations
        ),
        retry_after=retry_after,
    )


def error_of(
    code: grpc.StatusCode, message: str, details: ErrorDetails, request_id: str = "", attempts: int = 1
) -> RerankError:
    """The error of the class that belongs to the code."""
    return _CLASSES.get(code, RerankError)(
        message or code.name,
        code=code,
        details=details,
        request_id=request_id,
        attempts=attempts,
    )


def invalid_argument(name: str, problem: str) -> InvalidArgumentError:
    """What cannot be sent, and so was not: `attempts` is 0."""
    return InvalidArgumentError(
        f"{name} {problem}",
        code=grpc.StatusCode.INVALID_ARGUMENT,
        details=ErrorDetails(violations=(FieldViolation(name, problem),)),
        attempts=0,
    )


def closed_during_call(attempts: int) -> CancelledError:
    """The call was in progress, or between two attempts, when close() came."""
    return CancelledError("the client was closed", code=grpc.StatusCode.CANCELLED, attempts=attempts)
