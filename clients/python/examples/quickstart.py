# %% [markdown]
# rerankd from Python, cell by cell. Start a server first (`build/release/server/rerankd`); RERANKD_TARGET
# names another than the one on 127.0.0.1:50051. Runs as a notebook, or as a whole: `python quickstart.py`.

# %% Four documents, best first
import asyncio

from rerankd import AsyncRerankFunction, RerankError, RerankFunction, ScoreKind

QUERY = "What event in 1956 marked the official birth of artificial intelligence as a discipline?"
DOCUMENTS = [
    "In 1950, Alan Turing published 'Computing Machinery and Intelligence', proposing the Turing Test.",
    "The Dartmouth Conference in 1956 is considered the birthplace of artificial intelligence as a field.",
    "In 1951, Alan Turing also developed the first program designed to play chess.",
    "The Logic Theorist of 1955 was the first true AI program.",
]

rerank = RerankFunction()
for result in rerank(QUERY, DOCUMENTS, top_k=3):
    print(f"{result.score:8.4f}  #{result.index}  {result.text[:70]}")

# %% What the server has
for model in rerank.list_models():
    print(model.name, model.kind, model.state.name)

# %% The whole answer
answer = rerank.rerank(QUERY, DOCUMENTS, score_kind=ScoreKind.RAW, timeout=10)
print(f"{answer.model}: {answer.total_tokens} tokens, {answer.timings.compute * 1e3:.1f} ms computing")

# %% An error says which field
try:
    rerank(QUERY, ["fine", ""])
except RerankError as error:
    print(type(error).__name__, error.reason, error)


# %% A hundred queries at once
async def many() -> int:
    async with AsyncRerankFunction() as async_rerank:
        answers = await asyncio.gather(*(async_rerank(f"{QUERY} {i}", DOCUMENTS, top_k=1) for i in range(100)))
    return len(answers)


print(asyncio.run(many()), "answers")
rerank.close()
