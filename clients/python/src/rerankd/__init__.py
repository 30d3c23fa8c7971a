"""Client of rerankd, a reranking server: RerankFunction, and AsyncRerankFunction for asyncio."""

from .aio import AsyncRerankFunction
from .client import RerankFunction
from .errors import (
    CancelledError,
    DeadlineExceededError,
    FailedPreconditionError,
    FieldViolation,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    RerankError,
    ResourceExhaustedError,
    UnauthenticatedError,
    UnavailableError,
)
from .options import ClientOptions, RetryOptions, TlsOptions
from .reranker import (
    BGERerankFunction,
    CohereRerankFunction,
    CrossEncoderRerankFunction,
    IgnoredParameterWarning,
    JinaRerankFunction,
    VoyageRerankFunction,
)
from .types import Model, ModelState, RerankAnswer, RerankResult, ScoreKind, Timings, Truncation

__version__ = "0.1.0"

__all__ = [
    "AsyncRerankFunction",
    "BGERerankFunction",
    "CancelledError",
    "ClientOptions",
    "CohereRerankFunction",
    "CrossEncoderRerankFunction",
    "DeadlineExceededError",
    "FailedPreconditionError",
    "FieldViolation",
    "IgnoredParameterWarning",
    "InternalError",
    "InvalidArgumentError",
    "JinaRerankFunction",
    "Model",
    "ModelState",
    "NotFoundError",
    "PermissionDeniedError",
    "RerankAnswer",
    "RerankError",
    "RerankFunction",
    "RerankResult",
    "ResourceExhaustedError",
    "RetryOptions",
    "ScoreKind",
    "Timings",
    "TlsOptions",
    "Truncation",
    "UnauthenticatedError",
    "UnavailableError",
    "VoyageRerankFunction",
]
