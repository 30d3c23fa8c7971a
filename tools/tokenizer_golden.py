#!/usr/bin/env python3
"""Ids of Hugging Face `tokenizers` for tests/tokenizer/golden_test.cc, as hashes.

  tools/tokenizer_golden.py write BASE [--texts DIR]        writes tests/data/tokenizer/BASE.golden.txt
  tools/tokenizer_golden.py show BASE KIND VARIANT GROUP    prints the strings and numbers of one group

tests/data/tokenizer/BASE.json describes a base: a tokenizer.json ("folder" says where, relative to
the project) and variants of it. The texts themselves are not stored: tests/tokenizer/ugly_text.cc
makes the same ones from the same random numbers. `--texts` also hashes the files in a folder of texts
that is not part of the project; without it their lines are kept.
Needs the Python package `tokenizers` (made with 0.23).

A variant has a "patch" of the base's tokenizer.json (RFC 7396), a "seed" and "groups" of ugly texts
for it. "code_points": every code point is compared too. "normalized": so is the normalized text, as
a rare character is unknown whatever becomes of it. "main" names the variant of which pairs and real
texts are compared. "alike" are strings that nearly are something special to this tokenizer.
"""

import argparse
import json
import pathlib
import sys

from tokenizers import Tokenizer

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "data" / "tokenizer"
MASK = (1 << 64) - 1

GROUP_SIZE = 250  # strings
CODE_POINT_GROUP = 0x4000
# Room for tokens in a pair, beyond its special tokens.
PAIR_ROOMS = range(2, 33)


class Random:
    """splitmix64."""

    def __init__(self, seed):
        self.state = seed & MASK

    def below(self, n):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return (z ^ (z >> 31)) % n


# What follows is said a second time in tests/tokenizer/ugly_text.cc; change both.
MARKS = [(0x300, 112), (0x483, 7), (0x591, 45), (0x610, 11), (0x64B, 21), (0x8D4, 44), (0xE31, 24),
         (0x1885, 2), (0x1AB0, 31), (0x1DC0, 64), (0x20D0, 33), (0x302A, 6), (0xFE20, 16),
         (0x1D165, 14), (0x1E000, 43), (0x1E944, 7)]
EMOJI = ["\U0001F600", "\U0001F468\u200D\U0001F469\u200D\U0001F467\u200D\U0001F466",
         "\U0001F44D\U0001F3FD", "\u2764\uFE0F", "\U0001F1E9\U0001F1EA", "1\uFE0F\u20E3",
         "\U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F",
         "\U0001F926\U0001F3FC\u200D\u2642\uFE0F"]
ODD = [0x00, 0x01, 0x08, 0x0B, 0x0C, 0x1C, 0x1F, 0x7F, 0x80, 0x85, 0x9F, 0xA0, 0xAD, 0x600, 0x61C,
       0x6DD, 0x8E2, 0x180E, 0x200B, 0x200C, 0x200D, 0x200E, 0x2028, 0x2029, 0x202E, 0x2060, 0x2066,
       0x206F, 0x3000, 0x3164, 0xE000, 0xF8FF, 0xFDD0, 0xFEFF, 0xFFF9, 0xFFFD, 0xFFFE, 0xFFFF,
       0x110BD, 0x110CD, 0x13430, 0x1BCA0, 0x1D173, 0xE0001, 0xF0000, 0x10FFFD, 0x10FFFF]
LONG = ["a", "\u00E9", "e\u0301", "\u00DF", "\u0416", "\u0E01", "x\u00AD", "\U0001D400", "\uAC00"]
SPACES = [" ", "  ", "\t", "\n", "\r\n", "\u00A0", "\u2003", "\u3000", "\u2028", "\u205F", "\u1680",
          "\u0085", "   \t "]
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def fix(c):
    return 0xFFFD if 0xD800 <= c <= 0xDFFF else c


def word(r, base):
    w = base.words[r.below(len(base.words))]
    for mark in ("##", "\u2581", "\u0120"):
        if w.startswith(mark):
            return w[len(mark):]
    return w


def ascii_upper(s):
    return "".join(chr(ord(c) - 32) if "a" <= c <= "z" else c for c in s)


def piece(r, base):
    kind = r.below(18)
    if kind == 0:
        c = r.below(0x110000 - 0x800)
        return chr(c + 0x800 if c >= 0xD800 else c)
    if kind == 1:
        base = 128 * r.below(1024)
        return "".join(chr(fix(base + r.below(128))) for _ in range(1 + r.below(8)))
    if kind == 2:
        out = ""
        for _ in range(1 + r.below(6)):
            first, size = MARKS[r.below(len(MARKS))]
            out += chr(first + r.below(size))
        return out
    if kind == 3:
        return "".join(EMOJI[r.below(len(EMOJI))] for _ in range(1 + r.below(3)))
    if kind == 4:
        first, size = ((0x5D0, 27), (0x627, 36))[r.below(2)]
        return "".join(chr(first + r.below(size)) for _ in range(1 + r.below(7)))
    if kind == 5:
        first, size = ((0xAC00, 11172), (0x1100, 256))[r.below(2)]
        return "".join(chr(first + r.below(size)) for _ in range(1 + r.below(4)))
    if kind == 6:
        first, size = ((0x4E00, 20992), (0xF900, 512), (0x20000, 42720), (0x2F800, 542))[r.below(4)]
        return "".join(chr(first + r.below(size)) for _ in range(1 + r.below(4)))
    if kind == 7:
        return "".join(chr(ODD[r.below(len(ODD))]) for _ in range(1 + r.below(3)))
    if kind == 8:
        return LONG[r.below(len(LONG))] * (90 + r.below(30))
    if kind == 9:
        return base.alike[r.below(len(base.alike))]
    if kind == 10:
        return " ".join(word(r, base) for _ in range(1 + r.below(4)))
    if kind == 11:
        return SPACES[r.below(len(SPACES))]
    if kind == 12:
        return "".join(PUNCTUATION[r.below(len(PUNCTUATION))] if r.below(2) else
                       chr(0x2000 + r.below(112)) for _ in range(1 + r.below(4)))
    if kind == 13:
        return ascii_upper(word(r, base))
    if kind == 14:
        return "".join(chr(0x30 + r.below(10)) for _ in range(1 + r.below(8)))
    if kind == 15:
        return "".join(chr(0xC0 + r.below(0x500)) for _ in range(1 + r.below(6)))
    if kind == 16:
        return word(r, base)
    # Rarely, what shifts the rest across the boundary between two parts of a text.
    if r.below(8):
        return word(r, base)
    return ("ab " if r.below(2) else "abc") * ((1960 + r.below(120)) // 3)


def ugly_text(r, base):
    out = ""
    for _ in range(r.below(9)):
        out += piece(r, base)
        if r.below(2):
            out += " "
    return out


def group_texts(base, variant, group):
    r = Random(1000003 * base.variants[variant]["seed"] + group)
    return [ugly_text(r, base) for _ in range(GROUP_SIZE)]


def code_point_texts(base, variant, group):
    texts = []
    for c in range(group * CODE_POINT_GROUP, (group + 1) * CODE_POINT_GROUP):
        if 0xD800 <= c <= 0xDFFF:
            continue
        s = chr(c)
        # By itself, inside a word, where canonical ordering could move it, and where it could keep
        # an added token from being a word of its own.
        texts += [s, f"a{s}b", f"a\u302E{s}\u302A\U0001D16Db", f"the{s}"]
    return texts


# --- no longer repeated in C++ ---


class Hash:
    """FNV-1a over 32-bit numbers."""

    def __init__(self):
        self.value = 0xCBF29CE484222325

    def add(self, ids):
        h = self.value
        for i in ids:
            h = ((h ^ i) * 0x100000001B3) & MASK
        # The end of a string.
        self.value = ((h ^ 0xFFFFFFFF) * 0x100000001B3) & MASK

    def __str__(self):
        return f"{self.value:016x}"


def merge(target, patch):
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


class Base:
    def __init__(self, name):
        description = json.loads((DATA / f"{name}.json").read_text())
        self.alike = description["alike"]
        self.main = description["main"]
        self.variants = description["variants"]
        self.json = json.loads((ROOT / description["folder"] / "tokenizer.json").read_text())
        self.words = self.json["model"]["vocab"]
        if isinstance(self.words, dict):
            self.words = sorted(self.words, key=self.words.get)
        else:
            self.words = [piece for piece, score in self.words]

    def tokenizer(self, variant):
        patched = merge(self.json, self.variants[variant]["patch"])
        tokenizer = Tokenizer.from_str(json.dumps(patched))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def groups(self, kind):
        """Of one kind: variants, with their number of groups."""
        for name, variant in self.variants.items():
            flag = {"code_points": "code_points", "text": "groups"}.get(kind, "normalized")
            if variant.get(flag):
                all_code_points = kind.endswith("code_points")
                yield name, 0x110000 // CODE_POINT_GROUP if all_code_points else variant["groups"]


def ids(tokenizer, texts):
    for begin in range(0, len(texts), 4096):
        for e in tokenizer.encode_batch_fast(texts[begin:begin + 4096], add_special_tokens=False):
            yield e.ids


def normalized(tokenizer, texts):
    for text in texts:
        yield [ord(c) for c in tokenizer.normalizer.normalize_str(text)]


def hash_of(rows):
    h = Hash()
    for numbers in rows:
        h.add(numbers)
    return h


# A kind of group: its texts by (base, variant, group), and what is compared of them.
KINDS = {
    "text": (group_texts, ids),
    "code_points": (code_point_texts, ids),
    "normalized_text": (group_texts, normalized),
    "normalized_code_points": (code_point_texts, normalized),
}


def strings_of(value):
    """All strings in a JSON value, object members by sorted key."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings_of(item)
    elif isinstance(value, dict):
        for key in sorted(value):
            yield from strings_of(value[key])


def file_texts(path):
    if path.suffix == ".json":
        return list(strings_of(json.loads(path.read_text())))
    lines = path.read_text().split("\n")
    if path.suffix == ".jsonl":
        return [s for line in lines if line for s in strings_of(json.loads(line))]
    return lines


def pair_hashes(base):
    """Truncation of pairs, for each room that is left for tokens: every pair of lengths up to 20."""
    tokenizer = base.tokenizer(base.main)
    special = tokenizer.num_special_tokens_to_add(True)
    texts = [[" ".join(word if k % 2 == 0 else str(k // 2) for k in range(n)) for n in range(21)]
             for word in ("query", "text")]
    for strategy in ("longest_first", "only_second"):
        for room in PAIR_ROOMS:
            h = Hash()
            for query in texts[0]:
                for document in texts[1]:
                    tokenizer.no_truncation()
                    sides = [tokenizer.encode(t, add_special_tokens=False) for t in (query, document)]
                    if strategy == "only_second":
                        # The query's own cap, and one token for the document.
                        sides[0].truncate(min(8, room - 1))
                    tokenizer.enable_truncation(max_length=room + special, strategy=strategy)
                    e = tokenizer.post_process(*sides)
                    h.add(e.ids)
                    h.add(e.type_ids)
            yield f"pair {strategy} {room} {h}"


def write(arguments):
    base = Base(arguments.base)
    path = DATA / f"{arguments.base}.golden.txt"
    lines = []
    strings = 0
    for kind, (texts_of, numbers_of) in KINDS.items():
        for variant, groups in base.groups(kind):
            tokenizer = base.tokenizer(variant)
            for group in range(groups):
                texts = texts_of(base, variant, group)
                strings += len(texts)
                lines.append(f"{kind} {variant} {group} {hash_of(numbers_of(tokenizer, texts))}")
    lines += pair_hashes(base)
    if arguments.texts:
        tokenizer = base.tokenizer(base.main)
        for file in sorted(arguments.texts.rglob("*")):
            if file.suffix in (".json", ".jsonl", ".tsv"):
                texts = file_texts(file)
                strings += len(texts)
                name = file.relative_to(arguments.texts)
                lines.append(f"file {name} {len(texts)} {hash_of(ids(tokenizer, texts))}")
    elif path.exists():
        lines += [line for line in path.read_text().splitlines() if line.startswith("file ")]
    path.write_text("\n".join(lines) + "\n")
    print(f"{path}: {len(lines)} hashes of {strings} strings")


def show(arguments):
    base = Base(arguments.base)
    texts_of, numbers_of = KINDS[arguments.kind]
    texts = texts_of(base, arguments.variant, arguments.group)
    for text, numbers in zip(texts, numbers_of(base.tokenizer(arguments.variant), texts)):
        print("".join(c if " " < c < "\x7f" and c != "\\" else f"\\{ord(c):x};" for c in text),
              *numbers)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("write")
    command.add_argument("base", help="for example bert")
    command.add_argument("--texts", type=pathlib.Path)
    command = commands.add_parser("show")
    command.add_argument("base")
    command.add_argument("kind", choices=KINDS)
    command.add_argument("variant")
    command.add_argument("group", type=int)
    arguments = parser.parse_args()
    if arguments.command == "write":
        write(arguments)
    else:
        show(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
