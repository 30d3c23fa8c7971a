"""The parts for LangChain and LlamaIndex, with the real packages, against the real server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from conftest import Server, sample

QUERY = sample()["query"]
DOCUMENTS = sample()["documents"]


def test_langchain_keeps_the_best_documents_with_their_metadata(server: Server) -> None:
    pytest.importorskip("langchain_core", reason="needs the Python package langchain-core")
    from langchain_core.documents import Document

    from rerankd import ClientOptions
    from rerankd.langchain import RerankdCompressor

    documents = [Document(page_content=text, metadata={"source": i}) for i, text in enumerate(DOCUMENTS)]
    compressor = RerankdCompressor(target=server.target, top_n=2)
    kept = compressor.compress_documents(documents, QUERY)
    assert len(kept) == 2
    assert kept[0].page_content == DOCUMENTS[1] and kept[0].metadata["source"] == 1
    assert kept[0].metadata["relevance_score"] > kept[1].metadata["relevance_score"]
    assert "relevance_score" not in documents[1].metadata
    assert asyncio.run(compressor.acompress_documents(documents, QUERY)) == kept
    assert compressor.compress_documents([], QUERY) == []
    guarded = RerankdCompressor(target=server.target, options=ClientOptions(api_key="s3cret"))
    assert "s3cret" not in guarded.model_dump_json() + repr(guarded)
    with pytest.raises(ValueError, match="tpo_n"):
        RerankdCompressor(target=server.target, tpo_n=2)  # type: ignore[call-arg]


def test_llama_index_keeps_the_best_nodes_with_new_scores(server: Server) -> None:
    pytest.importorskip("llama_index.core", reason="needs the Python package llama-index-core")
    from llama_index.core.schema import NodeWithScore, TextNode

    from rerankd import ClientOptions
    from rerankd.llama_index import RerankdPostprocessor

    nodes = [NodeWithScore(node=TextNode(text=text, id_=str(i)), score=0.0) for i, text in enumerate(DOCUMENTS)]
    postprocessor = RerankdPostprocessor(target=server.target, top_n=2, options=ClientOptions(timeout=20))
    kept = postprocessor.postprocess_nodes(nodes, query_str=QUERY)
    assert [kept[0].node.node_id, len(kept)] == ["1", 2]
    assert kept[0].score is not None and kept[1].score is not None and kept[0].score > kept[1].score

    async def run() -> Any:
        return await postprocessor.apostprocess_nodes(nodes, query_str=QUERY)

    assert [node.node.node_id for node in asyncio.run(run())] == [node.node.node_id for node in kept]
    with pytest.raises(ValueError, match="needs the query"):
        postprocessor.postprocess_nodes(nodes)
