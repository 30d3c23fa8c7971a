"""The functions named as pymilvus.model's: same arguments, same meaning, against the real server."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import pathlib
from typing import Any, Dict

import pytest
from conftest import CALLERS_KEY, DEFAULT_MODEL, Server, sample

import rerankd.reranker
from rerankd import IgnoredParameterWarning, ScoreKind
from rerankd.reranker import (
    BGERerankFunction,
    CohereRerankFunction,
    CrossEncoderRerankFunction,
    JinaRerankFunction,
    VoyageRerankFunction,
)
from rerankd.reranker import entry_name

QUERY = sample()["query"]
DOCUMENTS = sample()["documents"]
PORTED = [
    BGERerankFunction,
    CrossEncoderRerankFunction,
    VoyageRerankFunction,
    CohereRerankFunction,
    JinaRerankFunction,
]


def theirs(name: str, method: str) -> Dict[str, Any]:
    """Parameters and defaults of a method of pymilvus.model, read without importing what it imports."""
    spec = importlib.util.find_spec("pymilvus")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in pathlib.Path(folder, "model", "reranker").glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef) and node.name == name:
                    functions = {f.name: f for f in node.body if isinstance(f, ast.FunctionDef)}
                    arguments = functions[method].args
                    names = [argument.arg for argument in arguments.args if argument.arg != "self"]
                    values = [ast.literal_eval(default) for default in arguments.defaults]
                    required = [inspect.Parameter.empty] * (len(names) - len(values))
                    return dict(zip(names, required + values))
    pytest.skip("needs the Python package pymilvus-model")


@pytest.mark.parametrize("function", PORTED)
@pytest.mark.parametrize("method", ["__init__", "__call__"])
def test_the_arguments_are_those_of_pymilvus(function: Any, method: str) -> None:
    expected = theirs(function.__name__, method)
    ours = [
        parameter
        for name, parameter in inspect.signature(getattr(function, method)).parameters.items()
        if name != "self" and parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    assert {parameter.name: parameter.default for parameter in ours} == expected
    assert [parameter.name for parameter in ours] == list(expected)


def test_every_one_of_them_is_exported() -> None:
    for function in PORTED:
        assert function.__name__ in rerankd.reranker.__all__
        assert getattr(rerankd, function.__name__) is function


@pytest.mark.parametrize(
    "function", [BGERerankFunction, VoyageRerankFunction, CohereRerankFunction, JinaRerankFunction]
)
def test_without_arguments_the_entry_of_that_name_answers(
    function: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RERANKD_TARGET", server.target)
    with function() as rerank:
        results = rerank(QUERY, DOCUMENTS, top_k=3)
    assert len(results) == 3
    assert {type(result.text) for result in results} == {str}


def test_without_a_model_the_default_one_answers(server: Server) -> None:
    with CrossEncoderRerankFunction(target=server.target) as rerank:
        assert rerank.rerank(QUERY, DOCUMENTS).model == DEFAULT_MODEL


def test_five_results_unless_told_otherwise(server: Server) -> None:
    with CrossEncoderRerankFunction("tiny", target=server.target) as rerank:
        assert len(rerank("q", ["a"] * 7)) == 5
        assert len(rerank("q", ["a"] * 7, 0)) == 7


def test_normalize_is_the_sigmoid(server: Server) -> None:
    with BGERerankFunction(target=server.target) as normalized:
        scores = {result.index: result.score for result in normalized(QUERY, DOCUMENTS)}
    with BGERerankFunction(normalize=False, target=server.target) as raw:
        logits = raw.rerank(QUERY, DOCUMENTS, score_kind=ScoreKind.RAW)
        assert [result.score for result in raw(QUERY, DOCUMENTS)] == pytest.approx(
            [result.score for result in logits.results], abs=1e-5
        )
    for result in logits.results:
        assert scores[result.index] == pytest.approx(sigmoid(result.score), abs=1e-6)


def sigmoid(value: float) -> float:
    import math

    return 1 / (1 + math.exp(-value))


def test_activation_functions_of_torch(server: Server) -> None:
    class Sigmoid:  # torch.nn.Sigmoid without torch
        pass

    class Identity:
        pass

    class Tanh:
        pass

    with CrossEncoderRerankFunction("tiny", activation_fct=Sigmoid(), target=server.target) as rerank:
        scores = [result.score for result in rerank(QUERY, DOCUMENTS)]
    with CrossEncoderRerankFunction("tiny", activation_fct=Identity, target=server.target) as rerank:
        logits = [result.score for result in rerank(QUERY, DOCUMENTS)]
    assert scores == pytest.approx([sigmoid(logit) for logit in logits], abs=1e-6)
    with pytest.raises(ValueError, match="Tanh"):
        CrossEncoderRerankFunction("tiny", activation_fct=Tanh())


def test_a_key_is_the_callers_own(server: Server) -> None:
    with VoyageRerankFunction(api_key=CALLERS_KEY, target=server.target) as rerank:
        assert len(rerank(QUERY, DOCUMENTS)) == 4
        assert CALLERS_KEY not in repr(rerank.options)
    # Cohere's entry does not take callers' keys.
    with CohereRerankFunction(api_key=CALLERS_KEY, target=server.target) as rerank:
        with pytest.raises(rerankd.RerankError) as error:
            rerank(QUERY, DOCUMENTS)
    assert CALLERS_KEY not in str(error.value)


def test_a_key_of_this_environment_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOYAGE_API_KEY", CALLERS_KEY)
    with VoyageRerankFunction() as rerank:
        assert rerank.options.provider_key is None


def test_cohere_without_texts(server: Server) -> None:
    with CohereRerankFunction(return_documents=False, target=server.target) as rerank:
        assert {result.text for result in rerank(QUERY, DOCUMENTS)} == {""}


@pytest.mark.parametrize(
    "make, setting",
    [
        (lambda: BGERerankFunction(device="cuda:0"), "model.device"),
        (lambda: BGERerankFunction(batch_size=64), "engine.max_batch_tokens"),
        (lambda: BGERerankFunction(use_fp16=False), "model.precision"),
        (lambda: BGERerankFunction(max_length=1024), "model.max_tokens"),
        (lambda: BGERerankFunction(query_max_length=64), "model.query_max_tokens"),
        (lambda: BGERerankFunction(devices=["cuda:0"]), "model.device"),
        (lambda: CrossEncoderRerankFunction(device="cpu"), "model.device"),
        (lambda: CohereRerankFunction(max_tokens_per_doc=100), "model.max_tokens_per_doc"),
    ],
)
def test_what_the_server_settles_is_left_out_with_a_warning(make: Any, setting: str) -> None:
    with pytest.warns(IgnoredParameterWarning, match=f"setting {setting} stands for it"):
        make().close()


def test_what_would_change_scores_is_refused() -> None:
    with pytest.raises(TypeError, match="query_instruction_for_rerank is not supported"):
        BGERerankFunction(query_instruction_for_rerank="A: ")
    with pytest.raises(TypeError, match="rank_fields"):
        CohereRerankFunction(rank_fields=["title"])


@pytest.mark.parametrize(
    "model_name, entry",
    [
        ("", ""),
        ("BAAI/bge-reranker-v2-m3", "BAAI/bge-reranker-v2-m3"),
        ("/models/bge/", "bge"),
        ("./models/bge", "bge"),
        ("~/bge", "bge"),
    ],
)
def test_entry_name(model_name: str, entry: str) -> None:
    assert entry_name(model_name) == entry


def test_a_warning_does_not_show_what_it_leaves_out() -> None:
    with pytest.warns(IgnoredParameterWarning) as warned:
        BGERerankFunction(token="hf_s3cret")
    assert "s3cret" not in str(warned[0].message)
