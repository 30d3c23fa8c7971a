"""What the examples search in: four documents, and the docstrings of Python's standard library; and vectors.

The vectors are a hashing vectorizer's (words and their counts, hashed into 512 dimensions): no model to
download, and a first stage with something left to improve.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import pkgutil
import re
import types
from typing import Dict, List, Sequence, Tuple

from rerankd import RerankResult

QUERY = "copy a directory with all files in it"
SAMPLE_QUERY = "What event in 1956 marked the official birth of artificial intelligence as a discipline?"
SAMPLE = [
    "In 1950, Alan Turing published his seminal paper, 'Computing Machinery and Intelligence,' proposing the Turing Test"
    " as a criterion of intelligence, a foundational concept in the philosophy and development of artificial intelligence.",
    "The Dartmouth Conference in 1956 is considered the birthplace of artificial intelligence as a field; here, John McCarthy"
    " and others coined the term 'artificial intelligence' and laid out its basic goals.",
    "In 1951, British mathematician and computer scientist Alan Turing also developed the first program designed to play"
    " chess, demonstrating an early example of AI in game strategy.",
    "The invention of the Logic Theorist by Allen Newell, Herbert A. Simon, and Cliff Shaw in 1955 marked the creation of"
    " the first true AI program, which was capable of solving logic problems, akin to proving mathematical theorems.",
]
DIMENSIONS = 512
MODULES = (
    "argparse asyncio.tasks bisect collections csv datetime difflib email.message fractions functools glob gzip hashlib heapq"
    " http.client itertools json logging math os.path pathlib pickle queue random re sched secrets shutil socket sqlite3"
    " statistics string struct subprocess tarfile tempfile textwrap threading time urllib.parse uuid weakref zipfile"
).split()


def docstrings() -> List[str]:
    texts: Dict[str, None] = {}
    for name in MODULES:
        module = pkgutil.resolve_name(name)
        for member, value in sorted(vars(module).items()):
            if member.startswith("_") or isinstance(value, types.ModuleType) or not callable(value):
                continue
            text = inspect.getdoc(value)
            if text and len(text) > 60:
                texts[f"{name}.{member}: {text[:1000]}"] = None
    return list(texts)


def vector(text: str) -> List[float]:
    counts = [0.0] * DIMENSIONS
    for word in re.findall(r"\w+", text.lower()):
        digest = hashlib.blake2b(word.encode(), digest_size=4).digest()
        number = int.from_bytes(digest, "little")
        counts[number % DIMENSIONS] += 1.0 if number >> 31 else -1.0
    length = math.sqrt(sum(count * count for count in counts)) or 1.0
    return [count / length for count in counts]


def show(title: str, texts_and_scores: Sequence[Tuple[str, float]]) -> None:
    print(f"-- {title}")
    for place, (text, score) in enumerate(texts_and_scores[:5], 1):
        print(f"{place:3}. {score:8.4f}  {' '.join(text.split())[:90]}")


def show_reranked(title: str, results: Sequence[RerankResult]) -> None:
    print(f"-- {title}")
    for place, result in enumerate(results, 1):
        print(f"{place:3}. {result.score:8.4f}  {' '.join(result.text.split())[:90]}  (was {result.index + 1}.)")
