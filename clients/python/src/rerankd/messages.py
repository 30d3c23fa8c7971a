"""Between the package's types and the messages of rerank.v1. Pure."""

from __future__ import annotations

from typing import Any, Iterable, List, Mapping, Optional, Sequence

from ._generated import rerank_pb2
from .errors import invalid_argument, metadata_value
from .options import REQUEST_ID
from .types import (
    Model,
    ModelState,
    RerankAnswer,
    RerankResult,
    ScoreKind,
    Timings,
    Truncation,
)


def texts_of(documents: Iterable[str]) -> List[str]:
    """The documents as they are now: what the caller changes while it waits does not change the answer.

    TypeError: they are no texts.
    """
    if isinstance(documents, (str, bytes)):
        raise TypeError("documents must be a list of texts, not one text")
    if isinstance(documents, Mapping) or not isinstance(documents, Iterable):
        raise TypeError(f"documents must be a list of texts, not {type(documents).__name__}")
    texts = list(documents)
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"documents[{index}] must be a str, not {type(text).__name__}")
    return texts


def rerank_request(
    query: str,
    documents: Sequence[str],
    top_k: Optional[int],
    model: str,
    score_kind: ScoreKind,
    truncation: Truncation,
) -> rerank_pb2.RerankRequest:
    """TypeError, InvalidArgumentError: something that no message can hold; the field is named."""
    if top_k is not None and not 0 <= top_k < 1 << 32:
        raise invalid_argument("top_k", f"must be between 0 (all) and 2**32 - 1, not {top_k}")
    try:
        # Texts stay here: the answer names documents by their position.
        return rerank_pb2.RerankRequest(
            query=query,
            documents=documents,
            top_k=top_k or 0,
            model=model,
            score_kind=int(score_kind),  # type: ignore[arg-type]
            truncation=int(truncation),  # type: ignore[arg-type]
        )
    except (TypeError, ValueError):
        _check_text("query", query)
        for index, document in enumerate(documents):
            _check_text(f"documents[{index}]", document)
        _check_text("model", model)
        raise


def _check_text(name: str, text: Any) -> None:
    if not isinstance(text, str):
        raise TypeError(f"{name} must be a str, not {type(text).__name__}") from None
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise invalid_argument(name, f"has a lone surrogate at position {error.start}, which UTF-8 cannot hold") from None


def rerank_answer(
    response: rerank_pb2.RerankResponse, documents: Sequence[str], initial_metadata: Any
) -> RerankAnswer:
    usage = response.usage
    timings = response.timings
    return RerankAnswer(
        results=[
            RerankResult(documents[result.index], result.score, result.index, result.truncated)
            for result in response.results
        ],
        model=response.model,
        score_kind=_known(ScoreKind, response.score_kind),
        query_tokens=usage.query_tokens,
        document_tokens=usage.document_tokens,
        total_tokens=usage.total_tokens,
        billed_units=usage.billed_units,
        timings=Timings(_seconds(timings.tokenize), _seconds(timings.queue), _seconds(timings.compute)),
        request_id=request_id_of(initial_metadata),
    )


def request_id_of(initial_metadata: Any) -> str:
    return str(metadata_value(initial_metadata, REQUEST_ID) or "")


def models_of(response: rerank_pb2.ListModelsResponse) -> List[Model]:
    return [
        Model(
            name=model.name,
            aliases=tuple(model.aliases),
            kind=model.kind,
            state=_known(ModelState, model.state),
            error=model.error,
            is_default=model.is_default,
            architecture=model.architecture,
            max_tokens=model.max_tokens,
            device=model.device,
            precision=model.precision,
            parameters=model.parameters,
            default_score_kind=_known(ScoreKind, model.default_score_kind),
            default_truncation=_known(Truncation, model.default_truncation),
        )
        for model in response.models
    ]


def _known(kind: Any, value: int) -> Any:
    """A later server may have values that this client does not know: they count as unspecified."""
    try:
        return kind(value)
    except ValueError:
        return kind(0)


def _seconds(duration: Any) -> float:
    return float(duration.seconds + duration.nanos / 1e9)
