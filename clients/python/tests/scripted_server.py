"""A gRPC server that answers what a test wrote down, and tells what it was sent.

For what the real server cannot be brought to: statuses one after the other, other bytes than its own.
"""

from __future__ import annotations

import concurrent.futures
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Union

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from rerankd._generated import rerank_pb2


@dataclass
class Failure:
    code: grpc.StatusCode
    message: str = "scripted"
    retry_after: Optional[float] = None  # seconds
    details: Optional[bytes] = None  # in place of a google.rpc.Status

    def trailing_metadata(self) -> Any:
        if self.details is not None:
            return (("grpc-status-details-bin", self.details),)
        if self.retry_after is None:
            return ()
        packed = any_pb2.Any()
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(int(self.retry_after * 1e9))
        packed.Pack(error_details_pb2.RetryInfo(retry_delay=delay))
        status = status_pb2.Status(code=self.code.value[0], message=self.message, details=[packed])
        return (("grpc-status-details-bin", status.SerializeToString()),)


Step = Union[Failure, rerank_pb2.RerankResponse]


@dataclass
class ScriptedServer:
    """Answers the steps one after the other, then empty answers. A context manager."""

    steps: List[Step]
    credentials: Optional[grpc.ServerCredentials] = None
    calls: List[Dict[str, Any]] = field(default_factory=list)  # metadata, and "seconds" left of the deadline

    def __enter__(self) -> ScriptedServer:
        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=4))
        handler = grpc.unary_unary_rpc_method_handler(
            self._answer, rerank_pb2.RerankRequest.FromString, rerank_pb2.RerankResponse.SerializeToString
        )
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("rerank.v1.RerankService", {"Rerank": handler}),)
        )
        if self.credentials is None:
            port = self._server.add_insecure_port("127.0.0.1:0")
        else:
            port = self._server.add_secure_port("127.0.0.1:0", self.credentials)
        self.target = f"127.0.0.1:{port}"
        self._server.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.stop(None).wait()

    def _answer(self, request: Any, context: Any) -> rerank_pb2.RerankResponse:
        self.calls.append({**dict(context.invocation_metadata()), "seconds": context.time_remaining()})
        step: Step = self.steps.pop(0) if self.steps else rerank_pb2.RerankResponse()
        if isinstance(step, Failure):
            context.set_trailing_metadata(step.trailing_metadata())
            context.abort(step.code, step.message)
        return step
