#!/usr/bin/env python3
"""Trains the small Unigram tokenizer of the tests on words that nobody has ever written.

  tools/make_unigram_sample.py tests/data/tokenizer/unigram

writes sentencepiece.bpe.model, and tokenizer.json as transformers converts that for XLM-R. The words
are made of the syllables of eleven scripts. The character map is sentencepiece's nmt_nfkc, but of the
sequences of characters only those of two that are not conjoining Jamo, a small part of its size. Needs the Python packages `sentencepiece` (0.2)
and `tokenizers`. Not run by any test: the files are committed.
"""

import argparse
import base64
import json
import pathlib
import random
import struct
import tempfile

import sentencepiece

ENGLISH = ("the of and to in a is that for it was on with as by at from this are be which or an have not "
           "query text new york hello world covid search result document answer question rank score "
           "model token word naive cafe").split()
# For each script: what syllables are made of, and whether words stand apart.
SCRIPTS = [
    (["b", "br", "d", "f", "gl", "k", "l", "m", "n", "p", "r", "s", "st", "t", "th", "v", "w", "z"],
     ["a", "e", "i", "o", "u", "ee", "ou", "\u00e9", "\u00f6", "\u00fc"], ["", "n", "r", "s", "ng"], True),
    (["\u0431", "\u0432", "\u0433", "\u0434", "\u0436", "\u043a", "\u043b", "\u043c", "\u043d", "\u0441", "\u0442", "\u0448"],
     ["\u0430", "\u0435", "\u0438", "\u043e", "\u0443", "\u044b"], ["", "\u0439", "\u043d", "\u0442"], True),
    (["\u03b2", "\u03b3", "\u03b4", "\u03ba", "\u03bb", "\u03bc", "\u03c0", "\u03c3", "\u03c4"],
     ["\u03b1", "\u03ad", "\u03b7", "\u03b9", "\u03cc"], ["", "\u03c2", "\u03bd"], True),
    (["\u0628", "\u062a", "\u062c", "\u062f", "\u0631", "\u0633", "\u0645", "\u0646"], ["\u0627", "\u0648", "\u064a", ""], [""], True),
    (["\u05d1", "\u05d2", "\u05d3", "\u05dc", "\u05de", "\u05e0", "\u05e8", "\u05e9"], ["\u05d5", "\u05d9", "\u05d4", ""], [""], True),
    (["\u0915", "\u0917", "\u0924", "\u0926", "\u0928", "\u092a", "\u092e", "\u0930", "\u0938"],
     ["", "\u093e", "\u093f", "\u0940", "\u0947", "\u094b", "\u094d\u092f\u093e"], ["", "\u0902"], True),
    (["\u0e01", "\u0e07", "\u0e14", "\u0e15", "\u0e19", "\u0e1a", "\u0e21", "\u0e23"],
     ["\u0e32", "\u0e35", "\u0e38", "\u0e31"], ["\u0e07", "\u0e19", "\u0e48"], False),
    ([chr(c) for c in range(0x4E00, 0x4E00 + 60)], [""], [""], False),
    ([chr(c) for c in range(0x304B, 0x3060)], [""], ["", "\u3093", "\u3063"], False),
    ([chr(c) for c in range(0x30AB, 0x30C0)], ["", "\u30fc"], ["", "\u30f3"], False),
    ([chr(0xAC00 + 588 * k) for k in range(19)], ["", chr(0xAC00 + 28), chr(0xAC00 + 16)], [""], True),
]


def sentences(count):
    r = random.Random(7)
    lexicons = []
    for first, middle, last, _ in SCRIPTS:
        words = {"".join(r.choice(first) + r.choice(middle) + r.choice(last)
                         for _ in range(1 + min(r.randrange(4), r.randrange(4))))
                 for _ in range(400)}
        lexicons.append(sorted(words))
    lexicons[0] = ENGLISH + lexicons[0]
    for _ in range(count):
        script = r.randrange(len(SCRIPTS))
        lexicon = lexicons[script]
        words = [lexicon[int(len(lexicon) * r.random() ** 3)] for _ in range(4 + r.randrange(12))]
        if r.random() < 0.3:
            words.insert(r.randrange(len(words)), str(int(10 ** (4 * r.random()))))
        if r.random() < 0.2:
            words[0] = words[0].capitalize()
        yield (" " if SCRIPTS[script][3] else "").join(words) + r.choice([".", "!", "?", ",", ";", ""])


def fields(message):
    """The (number, value) pairs of a protobuf message."""
    i = 0

    def varint():
        nonlocal i
        value = shift = 0
        while True:
            byte = message[i]
            i += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while i < len(message):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        elif key & 7 == 2:
            size = varint()
            yield key >> 3, message[i:i + size]
            i += size
        else:
            size = {1: 8, 5: 4}[key & 7]
            yield key >> 3, message[i:i + size]
            i += size


def charsmap_of(model):
    return next(v for n, v in fields(next(v for n, v in fields(model) if n == 3)) if n == 2)


def rules(charsmap):
    """The (from, to) pairs of a precompiled character map."""
    size = struct.unpack_from("<I", charsmap)[0]
    units = struct.unpack_from(f"<{size // 4}I", charsmap, 4)
    strings = charsmap[4 + size:]
    offset = lambda unit: (unit >> 10) << ((unit & 0x200) >> 6)
    todo = [(offset(units[0]), b"")]
    while todo:
        base, key = todo.pop()
        for byte in range(1, 256):
            at = base ^ byte
            if at < len(units) and units[at] & 0x800000FF == byte:
                child = at ^ offset(units[at])
                if units[at] >> 8 & 1:
                    value = units[child] & 0x7FFFFFFF
                    to = strings[value:strings.index(b"\0", value)]
                    yield (key + bytes([byte])).decode(), to.decode()
                todo.append((child, key + bytes([byte])))


def train(text, prefix, **options):
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(prefix), model_type="unigram", minloglevel=2,
        num_threads=1, character_coverage=1.0, hard_vocab_limit=False, **options)
    return prefix.with_suffix(".model").read_bytes()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as temporary:
        temporary = pathlib.Path(temporary)
        text = temporary / "text.txt"
        text.write_text("\n".join(sentences(20000)) + "\n")
        whole = charsmap_of(train(text, temporary / "whole", vocab_size=500))
        kept = [(a, b) for a, b in rules(whole)
                if len(a) <= 2 and not any(0x1100 <= ord(c) <= 0x11FF for c in a)]
        (temporary / "rules.tsv").write_text("".join(
            " ".join(f"{ord(c):X}" for c in a) + "\t" + " ".join(f"{ord(c):X}" for c in b) + "\n"
            for a, b in sorted(kept)))
        model = train(text, temporary / "model", vocab_size=2500,
                      normalization_rule_tsv=str(temporary / "rules.tsv"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sentencepiece.bpe.model").write_bytes(model)

    pieces = []
    for number, piece in fields(model):
        if number == 1:
            parts = dict(fields(piece))
            pieces.append([parts[1].decode(), struct.unpack("<f", parts[2])[0]])
    vocab = [["<s>", 0.0], ["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0], *pieces[3:], ["<mask>", 0.0]]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    added = [{"id": i, "content": vocab[i][0], **flags} for i in range(4)]
    added.append({"id": len(vocab) - 1, "content": "<mask>", **flags, "lstrip": True})
    bos, eos = ({"SpecialToken": {"id": t, "type_id": 0}} for t in ("<s>", "</s>"))
    a, b = ({"Sequence": {"id": t, "type_id": 0}} for t in "AB")
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": {"type": "Precompiled",
                       "precompiled_charsmap": base64.b64encode(charsmap_of(model)).decode()},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "WhitespaceSplit"},
            {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}]},
        "post_processor": {"type": "TemplateProcessing", "single": [bos, a, eos],
                           "pair": [bos, a, eos, eos, b, eos],
                           "special_tokens": {
                               "<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]},
                               "</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}}},
        "decoder": None,
        "model": {"type": "Unigram", "unk_id": 3, "vocab": vocab, "byte_fallback": False}}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False) + "\n")
    print(f"{folder}: {len(vocab)} pieces, {len(kept)} rules")


if __name__ == "__main__":
    main()
