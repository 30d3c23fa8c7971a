"""What a call of this package costs over bare grpcio: both in turn, with the same bytes, against a running server.

    python bench/overhead.py --target 127.0.0.1:50051 --model tiny --calls 2000

Prints the CPU time of this process and the wall time of a call, as medians, and what the package adds. The
CPU time is the figure to read on a busy machine.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from typing import Any, Callable, List, Tuple

import grpc
import grpc.aio

from rerankd import AsyncRerankFunction, RerankFunction
from rerankd._generated import rerank_pb2

METHOD = "/rerank.v1.RerankService/Rerank"
BLOCK = 20  # calls between two looks at the clock of CPU time, which is coarse


def bare(channel: Any) -> Any:
    return channel.unary_unary(
        METHOD, rerank_pb2.RerankRequest.SerializeToString, rerank_pb2.RerankResponse.FromString
    )


def in_turn(contestants: List[Callable[[], None]], calls: int) -> List[Tuple[float, float]]:
    """(CPU, wall) milliseconds of one call of each contestant."""
    figures: List[List[Tuple[float, float]]] = [[] for _ in contestants]
    for contestant in contestants:
        contestant()
    for _ in range(max(1, calls // BLOCK)):
        for contestant, taken in zip(contestants, figures):
            cpu, wall = time.process_time(), time.perf_counter()
            for _ in range(BLOCK):
                contestant()
            taken.append((time.process_time() - cpu, time.perf_counter() - wall))
    return [
        (
            statistics.median(cpu for cpu, _ in taken) / BLOCK * 1e3,
            statistics.median(wall for _, wall in taken) / BLOCK * 1e3,
        )
        for taken in figures
    ]


def report(title: str, figures: List[Tuple[float, float]]) -> None:
    (bare_cpu, bare_wall), (cpu, wall) = figures
    print(
        f"{title}: bare grpcio {bare_cpu:.3f} ms CPU, {bare_wall:.3f} ms wall; rerankd {cpu:.3f}, {wall:.3f}; "
        f"added {cpu - bare_cpu:+.3f} ms CPU, {wall - bare_wall:+.3f} ms wall"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="127.0.0.1:50051")
    parser.add_argument("--model", default="")
    parser.add_argument("--documents", type=int, default=10)
    parser.add_argument("--calls", type=int, default=2000)
    arguments = parser.parse_args()
    query = "what is a panda?"
    documents = [f"document {i} about bears" for i in range(arguments.documents)]

    def message() -> rerank_pb2.RerankRequest:
        return rerank_pb2.RerankRequest(query=query, documents=documents, model=arguments.model)

    with grpc.insecure_channel(arguments.target) as channel:
        method = bare(channel)
        with RerankFunction(arguments.target, arguments.model) as rerank:
            report(
                "blocking",
                in_turn([lambda: method(message(), timeout=30), lambda: rerank(query, documents)], arguments.calls),
            )

    loop = asyncio.new_event_loop()

    async def open_both() -> Tuple[Any, AsyncRerankFunction]:
        return grpc.aio.insecure_channel(arguments.target), AsyncRerankFunction(arguments.target, arguments.model)

    async def bare_call() -> None:
        await aio_method(message(), timeout=30)

    aio_channel, aio_rerank = loop.run_until_complete(open_both())
    aio_method = bare(aio_channel)
    report(
        "asyncio",
        in_turn(
            [
                lambda: loop.run_until_complete(bare_call()),
                lambda: loop.run_until_complete(aio_rerank(query, documents)) and None,
            ],
            arguments.calls,
        ),
    )
    loop.run_until_complete(aio_channel.close())
    loop.run_until_complete(aio_rerank.close())


if __name__ == "__main__":
    main()
