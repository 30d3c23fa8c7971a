"""The asyncio client."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Any, Dict, List, Optional, Sequence, Tuple, Type

import grpc
import grpc.aio

from ._generated import rerank_pb2
from .attempts import Attempts
from .client import SERVICE
from .messages import models_of, rerank_answer, rerank_request, texts_of
from .options import ClientOptions, metadata_with_request_id, target_or_default
from .types import Model, RerankAnswer, RerankResult, ScoreKind, Truncation


class _Connection:
    """A channel of one event loop: grpc.aio ties it to the loop that it was made in."""

    def __init__(self, target: str, credentials: Optional[grpc.ChannelCredentials], options: ClientOptions) -> None:
        self.closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        grpc_options = options.grpc_options()
        if credentials is None:
            self._channel = grpc.aio.insecure_channel(target, grpc_options)
        else:
            self._channel = grpc.aio.secure_channel(target, credentials, grpc_options)
        self.rerank: Any = self._channel.unary_unary(
            SERVICE + "Rerank",
            rerank_pb2.RerankRequest.SerializeToString,
            rerank_pb2.RerankResponse.FromString,
        )
        self.list_models: Any = self._channel.unary_unary(
            SERVICE + "ListModels",
            rerank_pb2.ListModelsRequest.SerializeToString,
            rerank_pb2.ListModelsResponse.FromString,
        )

    async def close(self) -> None:
        """Ends what goes on. Called in its own loop, or when that does not run."""
        if not self.closing.done():
            self.closing.set_result(None)
        await self._channel.close()


class AsyncRerankFunction:
    """RerankFunction for asyncio: the same arguments, answers and errors.

    Any number of calls may run at once on one connection. A task that is cancelled cancels its call,
    and the server drops the work. May be made outside of an event loop; each loop that it is called
    from gets a connection of its own.

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
        self._connections: Dict[asyncio.AbstractEventLoop, _Connection] = {}
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
        connection = await self._connect()
        texts = texts_of(documents)
        request = rerank_request(query, texts, top_k, self.model, score_kind, truncation)
        metadata = metadata_with_request_id(self._metadata, request_id)
        response, initial_metadata = await self._send(
            connection, connection.rerank, request, timeout, metadata
        )
        return rerank_answer(response, texts, initial_metadata)

    async def list_models(self, *, timeout: Optional[float] = None) -> List[Model]:
        """See RerankFunction.list_models()."""
        connection = await self._connect()
        response, _ = await self._send(
            connection, connection.list_models, rerank_pb2.ListModelsRequest(), timeout, self._metadata
        )
        return models_of(response)

    async def close(self) -> None:
        """Ends the connection; calls in progress fail with CancelledError of this package. Later calls are a ValueError."""
        self._closed = True
        await self._close_connections(all_loops=True)

    async def __aenter__(self) -> AsyncRerankFunction:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.close()

    async def _connect(self) -> _Connection:
        """The connection of the running loop."""
        if self._closed:
            raise ValueError("the client is closed")
        loop = asyncio.get_running_loop()
        connection = self._connections.get(loop)
        if connection is None:
            connection = self._connections[loop] = _Connection(self.target, self._credentials, self.options)
            await self._close_connections(all_loops=False)
        return connection

    async def _close_connections(self, *, all_loops: bool) -> None:
        """Those of loops that are closed, or all."""
        here = asyncio.get_running_loop()
        for loop in list(self._connections):
            if not all_loops and not loop.is_closed():
                continue
            connection = self._connections.pop(loop, None)
            if connection is None:
                continue
            if loop is not here and loop.is_running():
                asyncio.run_coroutine_threadsafe(connection.close(), loop)
                continue
            with contextlib.suppress(RuntimeError):  # of calls that their loop left behind when it was closed
                await connection.close()

    async def _send(
        self,
        connection: _Connection,
        method: Any,
        request: Any,
        timeout: Optional[float],
        metadata: List[Tuple[str, str]],
    ) -> Tuple[Any, Any]:
        attempts = Attempts(self.options, timeout)
        cancellations = _cancellations()
        while True:
            if connection.closing.done():
                raise attempts.closed()
            call = method(request, timeout=attempts.begin(), metadata=metadata)
            try:
                response = await call
                return response, await call.initial_metadata()
            except grpc.aio.AioRpcError as failure:
                error = attempts.error(failure)
            except asyncio.CancelledError:
                # grpc.aio says the same of a task that is cancelled and of a channel that is closed.
                if connection.closing.done() and _cancellations() == cancellations:
                    raise attempts.closed() from None
                raise
            pause = attempts.pause_after(error)
            if pause is None:
                raise error
            await asyncio.wait([connection.closing], timeout=pause)


def _cancellations() -> int:
    """How often the running task was cancelled. Before Python 3.11 no task tells: always 0."""
    cancelling = getattr(asyncio.current_task(), "cancelling", None)
    return cancelling() if cancelling is not None else 0
