"""The asyncio client."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, List, Optional, Sequence, Tuple, Type

import grpc
import grpc.aio

from ._generated import rerank_pb2
from .attempts import Attempts
from .client import SERVICE
from .messages import models_of, rerank_answer, rerank_request, texts_of
from .options import REQUEST_ID, ClientOptions, target_or_default
from .types import Model, RerankAnswer, RerankResult, ScoreKind, Truncation


class AsyncRerankFunction:
    """RerankFunction for asyncio: the same arguments, answers and errors.

    Any number of calls may run at once on one connection. A task that is cancelled cancels its call,
    and the server drops the work. May be made outside of an event loop; the connection belongs to the
    loop of the first call, and another loop gets one of its own.

        async with AsyncRerankFunction("127.0.0.1:50051", "bge") as rerank:
            results = await rerank("what is a panda?", ["hi", "a bear of China"], top_k=1)
    """

    def __init__(
        self, target: Optional[str] = None, model: str = "", options: Optional[ClientOptions] = None
    ) -> None:
        self.target = target_or_default(target)
        self.model = model
        self.options = options or ClientOptions()
        self._metadata = self.options.call_metadata()
        self._credentials = None if self.options.tls is None else self.options.tls.credentials()
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._channel: Optional[grpc.aio.Channel] = None
        self._rerank: Any = None
        self._list_models: Any = None
        self._closed = False

    async def __call__(
        self, query: str, documents: Sequence[str], top_k: Optional[int] = None
    ) -> List[RerankResult]:
        """The `top_k` best documents, best first; 0 or None: all. No documents: an empty list."""
        return (await self.rerank(query, documents, top_k)).results

    async def rerank(
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
        """See RerankFunction.rerank()."""
        self._connect()
        texts = texts_of(documents)
        request = rerank_request(query, texts, top_k, self.model, score_kind, truncation)
        metadata = self._metadata + [(REQUEST_ID, request_id)] if request_id else self._metadata
        response, initial_metadata = await self._send(self._rerank, request, timeout, metadata)
        return rerank_answer(response, texts, initial_metadata)

    async def list_models(self, *, timeout: Optional[float] = None) -> List[Model]:
        """See RerankFunction.list_models()."""
        self._connect()
        response, _ = await self._send(
            self._list_models, rerank_pb2.ListModelsRequest(), timeout, self._metadata
        )
        return models_of(response)

    async def close(self) -> None:
        """Ends the connection; calls in progress are cancelled. Later calls are a ValueError."""
        self._closed = True
        if self._channel is not None and self._loop is asyncio.get_running_loop():
            await self._channel.close()
        self._channel = None

    async def __aenter__(self) -> AsyncRerankFunction:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.close()

    def _connect(self) -> None:
        if self._closed:
            raise ValueError("the client is closed")
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return
        # grpc.aio ties a channel to the loop that it was made in.
        grpc_options = self.options.grpc_options()
        if self._credentials is None:
            channel = grpc.aio.insecure_channel(self.target, grpc_options)
        else:
            channel = grpc.aio.secure_channel(self.target, self._credentials, grpc_options)
        self._loop = loop
        self._channel = channel
        self._rerank = channel.unary_unary(
            SERVICE + "Rerank",
            rerank_pb2.RerankRequest.SerializeToString,
            rerank_pb2.RerankResponse.FromString,
        )
        self._list_models = channel.unary_unary(
            SERVICE + "ListModels",
            rerank_pb2.ListModelsRequest.SerializeToString,
            rerank_pb2.ListModelsResponse.FromString,
        )

    async def _send(
        self, method: Any, request: Any, timeout: Optional[float], metadata: List[Tuple[str, str]]
    ) -> Tuple[Any, Any]:
        attempts = Attempts(self.options, timeout)
        while True:
            call = method(request, timeout=attempts.begin(), metadata=metadata)
            try:
                response = await call
                return response, await call.initial_metadata()
            except grpc.aio.AioRpcError as failure:
                error = attempts.error(failure)
            pause = attempts.pause_after(error)
            if pause is None:
                raise error
            await asyncio.sleep(pause)
