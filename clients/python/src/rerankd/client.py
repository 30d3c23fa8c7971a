"""The blocking client."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, List, Optional, Sequence, Tuple, Type

import grpc

from ._generated import rerank_pb2
from .attempts import Attempts
from .messages import models_of, rerank_answer, rerank_request, texts_of
from .options import ClientOptions, metadata_with_request_id, target_or_default
from .types import Model, RerankAnswer, RerankResult, ScoreKind, Truncation

SERVICE = "/rerank.v1.RerankService/"


class RerankFunction:
    """Orders documents by how well they answer a query.

    Calls a server, or in turn those of all addresses that the target stands for. A connection is made
    for the first call, and again whenever it was lost. Safe for use by several threads at once; not
    across a fork. Close it, or use it in a `with` statement.

        rerank = RerankFunction("127.0.0.1:50051", "bge")
        for result in rerank("what is a panda?", ["hi", "a bear of China"], top_k=1):
            print(result.index, result.score, result.text)

    target: "host:port", "unix:/path", "dns:///host:port" or any other name that gRPC knows. None: the
    environment's RERANKD_TARGET, else 127.0.0.1:50051.
    model: the name or an alias of a model of the server; "": its default model.
    InvalidArgumentError: the options have metadata or a key that gRPC cannot send.
    """

    def __init__(
        self, target: Optional[str] = None, model: str = "", options: Optional[ClientOptions] = None
    ) -> None:
        self.target = target_or_default(target)
        self.model = model
        self.options = options or ClientOptions()
        self._metadata = self.options.call_metadata()
        grpc_options = self.options.grpc_options()
        self._closed = threading.Event()
        self._channel: grpc.Channel
        if self.options.tls is None:
            self._channel = grpc.insecure_channel(self.target, grpc_options)
        else:
            self._channel = grpc.secure_channel(self.target, self.options.tls.credentials(), grpc_options)
        self._rerank = self._channel.unary_unary(
            SERVICE + "Rerank",
            rerank_pb2.RerankRequest.SerializeToString,
            rerank_pb2.RerankResponse.FromString,
        )
        self._list_models = self._channel.unary_unary(
            SERVICE + "ListModels",
            rerank_pb2.ListModelsRequest.SerializeToString,
            rerank_pb2.ListModelsResponse.FromString,
        )

    def __call__(self, query: str, documents: Sequence[str], top_k: Optional[int] = None) -> List[RerankResult]:
        """The `top_k` best documents, best first; 0 or None: all. No documents: an empty list.

        Raises what rerank() raises.
        """
        return self.rerank(query, documents, top_k).results

    def rerank(
        self,
        query: str,
        documents: Sequence[str],
        top_k: Optional[int] = None,
        *,
        score_kind: ScoreKind = ScoreKind.MODEL_DEFAULT,
        truncation: Truncation = Truncation.MODEL_DEFAULT,
        timeout: Optional[float] = None,
        request_id: str = "",
    ) -> RerankAnswer:
        """As a plain call, with the whole answer and a say in how it is made.

        timeout: seconds for all attempts together; None: that of the options.
        request_id: printable ASCII for the server's log; "": the server makes one up.
        Raises RerankError, by its subclass; TypeError for arguments of a wrong type; ValueError once
        the client is closed.
        """
        texts = texts_of(documents)
        request = rerank_request(query, texts, top_k, self.model, score_kind, truncation)
        metadata = metadata_with_request_id(self._metadata, request_id)
        response, call = self._send(self._rerank, request, timeout, metadata)
        return rerank_answer(response, texts, call.initial_metadata())

    def list_models(self, *, timeout: Optional[float] = None) -> List[Model]:
        """The models that the server has, the default one first. Raises RerankError."""
        response, _ = self._send(self._list_models, rerank_pb2.ListModelsRequest(), timeout, self._metadata)
        return models_of(response)

    def close(self) -> None:
        """Ends the connection; calls in progress fail with CancelledError. Later calls are a ValueError."""
        self._closed.set()
        self._channel.close()

    def __enter__(self) -> RerankFunction:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def _send(
        self, method: Any, request: Any, timeout: Optional[float], metadata: List[Tuple[str, str]]
    ) -> Tuple[Any, grpc.Call]:
        if self._closed.is_set():
            raise ValueError("the client is closed")
        attempts = Attempts(self.options, timeout)
        while True:
            try:
                return method.with_call(  # type: ignore[no-any-return]
                    request, timeout=attempts.begin(), metadata=metadata
                )
            except grpc.RpcError as failure:
                error = attempts.error(failure)
            except ValueError:
                if self._closed.is_set():  # grpcio refuses a call on a closed channel
                    raise attempts.closed() from None
                raise
            pause = attempts.pause_after(error)
            if pause is None:
                raise error
            if self._closed.wait(pause):
                raise attempts.closed()
