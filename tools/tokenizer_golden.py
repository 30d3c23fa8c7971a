#!/usr/bin/env python3
"""Ids of Hugging Face `tokenizers` for tests/tokenizer/golden_test.cc, as hashes.

  tools/tokenizer_golden.py write [--texts DIR]   writes tests/data/tokenizer/golden.txt
  tools/tokenizer_golden.py show KIND VARIANT GROUP    prints the strings and numbers of one group

The texts themselves are not stored: tests/tokenizer/ugly_text.cc makes the same ones from the same
random numbers. `--texts` also hashes the files in a folder of texts that is not part of the project;
without it their lines are kept. Needs the Python package `tokenizers` (made with 0.23) and a folder
with the vocabulary of BERT-base uncased (--model; by default that of the default model).
"""

import argparse
import json
import os
import pathlib
import sys

from tokenizers import Tokenizer

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "data" / "tokenizer"
MASK = (1 << 64) - 1

# Strings in a group, and groups of a variant.
GROUP_SIZE = 250
GROUPS = {"plain": 400, "cased": 40, "unclean": 20, "accents_kept": 20, "strip_only": 20,
          "chinese_joined": 20, "bare": 20, "added": 60, "odd_model": 20}
# Code points in a group; variants for which every one is compared.
CODE_POINT_GROUP = 0x4000
CODE_POINT_VARIANTS = ["plain", "bare", "added"]
# Variants whose normalized text is compared too: a rare character is [UNK] whatever becomes of it.
NORMALIZED_VARIANTS = ["plain", "accents_kept", "strip_only"]
PAIR_ROOMS = range(5, 36)


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
ALIKE = ["[SEP]", "[sep]", "[SEP", "SEP]", "[CLS]", "[ CLS ]", "[MASK]", "[UNK]", "[PAD]", "[unused0]",
         "[[SEP]]", "[SEP][SEP]", "[SE\u0301P]", "\uFF3BSEP\uFF3D", "##ing", "##", "[unk]", "<s>",
         "covid", "COVID", "Covi\u0301d", "New York", "new  york", "new york", "<tag>", "_<tag>",
         "na\u00EFve", "NAIVE", "\u4E2D\u6587", "\u4E2D \u6587", "the", "The", "ing", "\u00DCn\u00EFcode",
         "\u0E01\u0E32", "...", "....", "Stra\u00DFe", "STRASSE", "\u00E9", "e\u0301", "\uD55C",
         "\u1112\u1161\u11AB"]
SPACES = [" ", "  ", "\t", "\n", "\r\n", "\u00A0", "\u2003", "\u3000", "\u2028", "\u205F", "\u1680",
          "\u0085", "   \t "]
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def fix(c):
    return 0xFFFD if 0xD800 <= c <= 0xDFFF else c


def word(r, vocab):
    w = vocab[r.below(len(vocab))]
    return w[2:] if w.startswith("##") else w


def ascii_upper(s):
    return "".join(chr(ord(c) - 32) if "a" <= c <= "z" else c for c in s)


def piece(r, vocab):
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
        return ALIKE[r.below(len(ALIKE))]
    if kind == 10:
        return " ".join(word(r, vocab) for _ in range(1 + r.below(4)))
    if kind == 11:
        return SPACES[r.below(len(SPACES))]
    if kind == 12:
        return "".join(PUNCTUATION[r.below(len(PUNCTUATION))] if r.below(2) else
                       chr(0x2000 + r.below(112)) for _ in range(1 + r.below(4)))
    if kind == 13:
        return ascii_upper(word(r, vocab))
    if kind == 14:
        return "".join(chr(0x30 + r.below(10)) for _ in range(1 + r.below(8)))
    if kind == 15:
        return "".join(chr(0xC0 + r.below(0x500)) for _ in range(1 + r.below(6)))
    if kind == 16:
        return word(r, vocab)
    # Rarely, what shifts the rest across the boundary between two parts of a text.
    if r.below(8):
        return word(r, vocab)
    return ("ab " if r.below(2) else "abc") * ((1960 + r.below(120)) // 3)


def ugly_text(r, vocab):
    out = ""
    for _ in range(r.below(9)):
        out += piece(r, vocab)
        if r.below(2):
            out += " "
    return out


def group_texts(variant, group, vocab):
    r = Random(1000003 * list(GROUPS).index(variant) + group)
    return [ugly_text(r, vocab) for _ in range(GROUP_SIZE)]


def code_point_texts(group):
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


class Variants:
    def __init__(self, model):
        self.base = json.loads((model / "tokenizer.json").read_text())
        self.patches = json.loads((DATA / "variants.json").read_text())
        vocab = self.base["model"]["vocab"]
        self.vocab = sorted(vocab, key=vocab.get)

    def tokenizer(self, name):
        tokenizer = Tokenizer.from_str(json.dumps(merge(self.base, self.patches[name])))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer


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


# A kind of group: its texts by (variant, group, vocabulary), and what is compared of them.
KINDS = {
    "text": (group_texts, ids),
    "code_points": (lambda variant, group, vocab: code_point_texts(group), ids),
    "normalized_text": (group_texts, normalized),
    "normalized_code_points": (lambda variant, group, vocab: code_point_texts(group), normalized),
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


def pair_hashes(variants):
    """Truncation of pairs, for each room that is left for tokens: every pair of lengths up to 20."""
    texts = [" ".join(f"{'query' if side == 0 else 'text'} {k}" for k in range(10))
             for side in range(2)]
    tokenizer = variants.tokenizer("plain")
    words = [t.split(" ") for t in texts]
    for strategy in ("longest_first", "only_second"):
        for room in PAIR_ROOMS:
            tokenizer.enable_truncation(max_length=room, strategy=strategy)
            h = Hash()
            for n in range(21):
                for m in range(21):
                    query, document = " ".join(words[0][:n]), " ".join(words[1][:m])
                    if strategy == "only_second":
                        # The query's own cap, and one token for the document.
                        query = " ".join(words[0][:min(n, 8, room - 4)])
                    e = tokenizer.encode(query, document)
                    h.add(e.ids)
                    h.add(e.type_ids)
            yield f"pair {strategy} {room} {h}"


def write(arguments):
    variants = Variants(arguments.model)
    path = DATA / "golden.txt"
    lines = []
    strings = 0
    code_point_groups = 0x110000 // CODE_POINT_GROUP
    for kind, groups in (
            ("text", GROUPS),
            ("code_points", dict.fromkeys(CODE_POINT_VARIANTS, code_point_groups)),
            ("normalized_text", {name: GROUPS[name] for name in NORMALIZED_VARIANTS}),
            ("normalized_code_points", dict.fromkeys(NORMALIZED_VARIANTS, code_point_groups))):
        texts_of, numbers_of = KINDS[kind]
        for name in groups:
            tokenizer = variants.tokenizer(name)
            for group in range(groups[name]):
                texts = texts_of(name, group, variants.vocab)
                strings += len(texts)
                lines.append(f"{kind} {name} {group} {hash_of(numbers_of(tokenizer, texts))}")
    lines += pair_hashes(variants)
    if arguments.texts:
        tokenizer = variants.tokenizer("plain")
        for file in sorted(arguments.texts.rglob("*")):
            if file.suffix in (".json", ".jsonl", ".tsv"):
                texts = file_texts(file)
                strings += len(texts)
                name = file.relative_to(arguments.texts)
                lines.append(f"file {name} {len(texts)} {hash_of(ids(tokenizer, texts))}")
    else:
        lines += [line for line in path.read_text().splitlines() if line.startswith("file ")]
    path.write_text("\n".join(lines) + "\n")
    print(f"{path}: {len(lines)} hashes of {strings} strings")


def show(arguments):
    variants = Variants(arguments.model)
    texts_of, numbers_of = KINDS[arguments.kind]
    texts = texts_of(arguments.variant, arguments.group, variants.vocab)
    for text, numbers in zip(texts, numbers_of(variants.tokenizer(arguments.variant), texts)):
        print("".join(c if " " < c < "\x7f" and c != "\\" else f"\\{ord(c):x};" for c in text),
              *numbers)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    cache = os.environ.get("RERANKD_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "rerankd")
    parser.add_argument("--model", type=pathlib.Path,
                        default=pathlib.Path(cache) / "models" / "all-MiniLM-L6-v2")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("write")
    command.add_argument("--texts", type=pathlib.Path)
    command = commands.add_parser("show")
    command.add_argument("kind", choices=KINDS)
    command.add_argument("variant", choices=GROUPS)
    command.add_argument("group", type=int)
    arguments = parser.parse_args()
    if arguments.command == "write":
        write(arguments)
    else:
        show(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
