"""A document compressor for LangChain: pip install rerankd[langchain].

    ContextualCompressionRetriever(
        base_compressor=RerankdCompressor(target="127.0.0.1:50051", model="bge", top_n=5),
        base_retriever=retriever)
"""

from __future__ import annotations

from typing import Any, List, Optional, Sequence

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import ConfigDict, Field, PrivateAttr

from .aio import AsyncRerankFunction
from .client import RerankFunction
from .options import ClientOptions
from .types import RerankResult


class RerankdCompressor(BaseDocumentCompressor):
    """Keeps the `top_n` documents that answer the query best, best first.

    Each is a copy with the score in `metadata["relevance_score"]`. Raises RerankError.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    target: Optional[str] = None  # as of RerankFunction
    model: str = ""
    top_n: int = 5  # 0: all
    options: Optional[ClientOptions] = Field(default=None, exclude=True)  # it may hold keys

    _rerank: RerankFunction = PrivateAttr()
    _async_rerank: AsyncRerankFunction = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        self._rerank = RerankFunction(self.target, self.model, self.options)
        self._async_rerank = AsyncRerankFunction(self.target, self.model, self.options)

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Optional[Callbacks] = None
    ) -> Sequence[Document]:
        results = self._rerank(query, [document.page_content for document in documents], self.top_n)
        return _kept(documents, results)

    async def acompress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Optional[Callbacks] = None
    ) -> Sequence[Document]:
        texts = [document.page_content for document in documents]
        return _kept(documents, await self._async_rerank(query, texts, self.top_n))


def _kept(documents: Sequence[Document], results: Sequence[RerankResult]) -> List[Document]:
    kept = []
    for result in results:
        document = documents[result.index]
        metadata = {**document.metadata, "relevance_score": result.score}
        kept.append(document.model_copy(update={"metadata": metadata}))
    return kept
