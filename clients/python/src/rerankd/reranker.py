"""The rerank functions of pymilvus.model.reranker, computed by a rerankd server.

    from pymilvus.model.reranker import BGERerankFunction    # before
    from rerankd.reranker import BGERerankFunction           # after

A constructor takes what its namesake takes. `model_name` becomes the name of the server's model: give
the entry of that model this name, or this alias. Two more, by keyword: `target` and `options` as of
RerankFunction; without them RERANKD_TARGET and RERANKD_API_KEY of the environment count.

What a parameter that belongs to the server's side becomes:
- one that only says how to compute (device, batch_size, ...) is left out with an IgnoredParameterWarning;
- so is a length that the server's entry settles (max_length, query_max_length), unless it is the default;
- one that would change the scores in a way that no request can say is a ValueError or TypeError.
"""

from __future__ import annotations

import dataclasses
import os.path
import warnings
from typing import Any, List, Mapping, Optional, Sequence, Union

from .client import RerankFunction
from .options import ClientOptions
from .types import RerankResult, ScoreKind

__all__ = [
    "BGERerankFunction",
    "CohereRerankFunction",
    "CrossEncoderRerankFunction",
    "IgnoredParameterWarning",
    "JinaRerankFunction",
    "VoyageRerankFunction",
]


class IgnoredParameterWarning(UserWarning):
    """A parameter has no effect here; the message names the server's setting that stands for it."""


class _PortedFunction(RerankFunction):
    """What the five have in common: a score kind of their own, and the five best by default."""

    _score_kind = ScoreKind.MODEL_DEFAULT

    def __init__(self, model_name: str, target: Optional[str], options: Optional[ClientOptions]) -> None:
        super().__init__(target, entry_name(model_name), options)
        self.model_name = model_name

    def __call__(self, query: str, documents: Sequence[str], top_k: Optional[int] = 5) -> List[RerankResult]:
        """The `top_k` best documents, best first; 0 or None: all."""
        return self.rerank(query, documents, top_k, score_kind=self._score_kind).results


class BGERerankFunction(_PortedFunction):
    """An entry of kind cross_encoder, bge-reranker-v2-m3 by default.

    normalize: True: scores between 0 and 1, by the sigmoid; False: the logits.
    """

    def __init__(
        self,
        model_name: str = "BAAI/bge-reranker-v2-m3",
        use_fp16: bool = True,
        batch_size: int = 32,
        normalize: bool = True,
        device: Optional[Union[str, List[str]]] = None,
        query_max_length: int = 256,
        max_length: int = 512,
        *,
        target: Optional[str] = None,
        options: Optional[ClientOptions] = None,
        **kwargs: Any,
    ) -> None:
        _leave_out(self, "use_fp16", use_fp16, True, "model.precision")
        _leave_out(self, "batch_size", batch_size, 32, "engine.max_batch_tokens")
        _leave_out(self, "device", device, None, "model.device")
        _leave_out(self, "query_max_length", query_max_length, 256, "model.query_max_tokens")
        _leave_out(self, "max_length", max_length, 512, "model.max_tokens")
        _leave_out_known(self, kwargs, _FLAG_EMBEDDING)
        super().__init__(model_name, target, options)
        self.normalize = normalize
        self._score_kind = ScoreKind.SIGMOID if normalize else ScoreKind.RAW


class CrossEncoderRerankFunction(_PortedFunction):
    """An entry of kind cross_encoder; "": the server's default model.

    activation_fct: None: the scores that the model's own configuration asks for. torch.nn.Sigmoid,
    torch.nn.Identity, or an instance: those. Any other is a ValueError.
    """

    def __init__(
        self,
        model_name: str = "",
        device: Optional[str] = "",
        batch_size: int = 32,
        activation_fct: Any = None,
        *,
        target: Optional[str] = None,
        options: Optional[ClientOptions] = None,
        **kwargs: Any,
    ) -> None:
        _leave_out(self, "device", device or "", "", "model.device")
        _leave_out(self, "batch_size", batch_size, 32, "engine.max_batch_tokens")
        for name in kwargs:  # the namesake takes any, and uses none
            _leave_out(self, name, kwargs[name], None, "")
        self._score_kind = _score_kind_of(activation_fct)
        super().__init__(model_name, target, options)


class _HostedFunction(_PortedFunction):
    """api_key: the caller's own key of the provider, which the entry must take (caller_key: allow).

    None: the server's own. A key in this process's environment is not read and not sent.
    """

    def __init__(
        self,
        model_name: str,
        api_key: Optional[str],
        target: Optional[str],
        options: Optional[ClientOptions],
    ) -> None:
        if api_key:
            options = dataclasses.replace(options or ClientOptions(), provider_key=api_key)
        super().__init__(model_name, target, options)


class VoyageRerankFunction(_HostedFunction):
    """An entry of kind voyage."""

    def __init__(
        self,
        model_name: str = "rerank-2",
        api_key: Optional[str] = None,
        *,
        target: Optional[str] = None,
        options: Optional[ClientOptions] = None,
    ) -> None:
        super().__init__(model_name, api_key, target, options)


class CohereRerankFunction(_HostedFunction):
    """An entry of kind cohere. return_documents False: results have no text."""

    def __init__(
        self,
        model_name: str = "rerank-english-v3.0",
        api_key: Optional[str] = None,
        return_documents: bool = True,
        *,
        target: Optional[str] = None,
        options: Optional[ClientOptions] = None,
        **kwargs: Any,
    ) -> None:
        _leave_out_known(self, kwargs, _COHERE)
        super().__init__(model_name, api_key, target, options)
        self._return_documents = return_documents

    def __call__(self, query: str, documents: Sequence[str], top_k: Optional[int] = 5) -> List[RerankResult]:
        """The `top_k` best documents, best first; 0 or None: all."""
        results = super().__call__(query, documents, top_k)
        if self._return_documents:
            return results
        return [dataclasses.replace(result, text="") for result in results]


class JinaRerankFunction(_HostedFunction):
    """An entry of kind jina."""

    def __init__(
        self,
        model_name: str = "jina-reranker-v2-base-multilingual",
        api_key: Optional[str] = None,
        *,
        target: Optional[str] = None,
        options: Optional[ClientOptions] = None,
    ) -> None:
        super().__init__(model_name, api_key, target, options)


def entry_name(model_name: str) -> str:
    """How the server names this model when nobody named it: its id, or the last part of its path."""
    if model_name.startswith(("/", "./", "../", "~")):
        return os.path.basename(os.path.normpath(model_name))
    return model_name


# Parameters of what the namesakes pass on, and the server's settings for them ("": none is needed).
# Those that would change scores are not here: they are refused.
_FLAG_EMBEDDING: Mapping[str, str] = {
    "devices": "model.device",
    "use_bf16": "model.precision",
    "cache_dir": "hub.cache_dir",
    "trust_remote_code": "",
    "model_class": "model.kind",
    "token": "",
}
_COHERE: Mapping[str, str] = {
    "max_tokens_per_doc": "model.max_tokens_per_doc",
    "priority": "model.priority",
    "request_options": "",
}


def _leave_out(function: object, name: str, value: Any, default: Any, setting: str) -> None:
    if value == default:
        return
    settled = f"; the server's setting {setting} stands for it" if setting else ""
    warnings.warn(
        f"{type(function).__name__}: {name} has no effect in a client{settled}",
        IgnoredParameterWarning,
        stacklevel=3,
    )


def _leave_out_known(function: object, given: Mapping[str, Any], known: Mapping[str, str]) -> None:
    for name, value in given.items():
        if name not in known:
            raise TypeError(
                f"{type(function).__name__}: {name} is not supported; a request to rerankd cannot say it"
            )
        _leave_out(function, name, value, None, known[name])


def _score_kind_of(activation: Any) -> ScoreKind:
    if activation is None:
        return ScoreKind.MODEL_DEFAULT
    name = activation.__name__ if isinstance(activation, type) else type(activation).__name__
    if name == "Sigmoid":
        return ScoreKind.SIGMOID
    if name == "Identity":
        return ScoreKind.RAW
    raise ValueError(f"activation_fct {name} is not supported: only Sigmoid, Identity and None are")
