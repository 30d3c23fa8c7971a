"""What calls take and give."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Dict, List, Tuple, Union


class ScoreKind(enum.IntEnum):
    """What a score means."""

    MODEL_DEFAULT = 0
    RAW = 1  # a logit of a cross-encoder, a cosine of a bi-encoder
    SIGMOID = 2  # 1 / (1 + exp(-raw))
    PROVIDER = 3  # a hosted provider's own, as it came


class Truncation(enum.IntEnum):
    """How a query and a document that are too long together are cut."""

    MODEL_DEFAULT = 0
    ONLY_DOCUMENT = 1
    LONGEST_FIRST = 2
    REFUSE = 3  # nothing is cut: InvalidArgumentError


class ModelState(enum.IntEnum):
    """Whether a model takes calls."""

    UNKNOWN = 0
    NOT_LOADED = 1
    LOADING = 2
    READY = 3
    FAILED = 4
    UNLOADING = 5


@dataclass
class RerankResult:
    """One document and its score."""

    text: str
    score: float  # higher is better; only scores of one model and one kind can be compared
    index: int  # position in the documents that were sent
    truncated: bool = False  # its end was not read

    def to_dict(self) -> Dict[str, Union[str, float, int]]:
        return {"text": self.text, "score": self.score, "index": self.index}


@dataclass(frozen=True)
class Timings:
    """Where the time of one call went inside the server, in seconds."""

    tokenize: float
    queue: float
    compute: float


@dataclass(frozen=True)
class RerankAnswer:
    """What the server answered. Numbers of tokens are 0 where a hosted provider does not tell."""

    results: List[RerankResult]  # best first
    model: str  # that scored; another one than was asked where a fallback stood in
    score_kind: ScoreKind
    query_tokens: int
    document_tokens: int
    total_tokens: int
    billed_units: float
    timings: Timings
    request_id: str  # in the server's log


@dataclass(frozen=True)
class Model:
    """A model that the server has. What only its files tell is empty until it was loaded."""

    name: str
    aliases: Tuple[str, ...]
    kind: str
    state: ModelState
    error: str
    is_default: bool
    architecture: str
    max_tokens: int
    device: str
    precision: str
    parameters: int
    default_score_kind: ScoreKind
    default_truncation: Truncation
