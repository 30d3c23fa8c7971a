"""A node postprocessor for LlamaIndex: pip install rerankd[llama-index].

    index.as_query_engine(node_postprocessors=[RerankdPostprocessor(target="127.0.0.1:50051", top_n=5)])
"""

from __future__ import annotations

from typing import Any, List, Optional, Sequence

from llama_index.core.bridge.pydantic import ConfigDict, Field, PrivateAttr
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle

from .aio import AsyncRerankFunction
from .client import RerankFunction
from .options import ClientOptions
from .types import RerankResult


class RerankdPostprocessor(BaseNodePostprocessor):
    """Keeps the `top_n` nodes that answer the query best, best first, with the reranker's score.

    A node's text is what an embedding model would read of it. Raises RerankError; ValueError without a query.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    target: Optional[str] = None  # as of RerankFunction
    model: str = ""
    top_n: int = 5  # 0: all
    options: Optional[ClientOptions] = Field(default=None, exclude=True)  # it may hold keys

    _rerank: RerankFunction = PrivateAttr()
    _async_rerank: AsyncRerankFunction = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        super().model_post_init(context)
        self._rerank = RerankFunction(self.target, self.model, self.options)
        self._async_rerank = AsyncRerankFunction(self.target, self.model, self.options)

    @classmethod
    def class_name(cls) -> str:
        return "RerankdPostprocessor"

    def _postprocess_nodes(
        self, nodes: List[NodeWithScore], query_bundle: Optional[QueryBundle] = None
    ) -> List[NodeWithScore]:
        return _kept(nodes, self._rerank(_query(query_bundle), _texts(nodes), self.top_n))

    async def _apostprocess_nodes(
        self, nodes: List[NodeWithScore], query_bundle: Optional[QueryBundle] = None
    ) -> List[NodeWithScore]:
        return _kept(nodes, await self._async_rerank(_query(query_bundle), _texts(nodes), self.top_n))


def _query(query_bundle: Optional[QueryBundle]) -> str:
    if query_bundle is None:
        raise ValueError("reranking needs the query: pass query_bundle or query_str")
    return query_bundle.query_str


def _texts(nodes: Sequence[NodeWithScore]) -> List[str]:
    return [node.node.get_content(metadata_mode=MetadataMode.EMBED) for node in nodes]


def _kept(nodes: Sequence[NodeWithScore], results: Sequence[RerankResult]) -> List[NodeWithScore]:
    return [NodeWithScore(node=nodes[result.index].node, score=result.score) for result in results]
