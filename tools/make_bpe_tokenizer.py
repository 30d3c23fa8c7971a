#!/usr/bin/env python3
"""Makes the small byte-level BPE tokenizer of the tests: tests/data/tokenizer/byte_level_bpe.

The text it is trained on is invented here: words of made-up languages in several scripts, often used
ones again and again, with the numbers, signs and white space of prose and code between them. Needs
the Python package `tokenizers` (made with 0.23); the same version makes the same file.
"""

import json
import pathlib
import random

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "tests/data/tokenizer/byte_level_bpe"
TOKENS = 4300
LINES = 24000

# A language: how its syllables are made, and how often it is spoken.
LANGUAGES = [
    (["b", "c", "d", "f", "g", "h", "l", "m", "n", "p", "r", "s", "st", "t", "th", "v", "w", "", ""],
     ["a", "e", "i", "o", "u", "ea", "ou", "y"], ["", "", "n", "r", "s", "ng", "t", "l"], 10),
    (["br", "ç", "d", "f", "j", "l", "m", "n", "p", "qu", "r", "s", "t", "v", ""],
     ["a", "é", "è", "ê", "i", "o", "ü", "ö", "ä", "ñ"], ["", "", "s", "ß", "ux"], 3),
    (list("бвгджзклмнпрст") + ["пр", "ст"], list("аеиоуыэюя"), ["", "", "й", "ль", "м"], 3),
    (list("βγδθκλμνπρστφχ"), list("αεηιουω") + ["ά", "ού"], ["", "ς", "ν"], 1),
    (list("בגדהוזחטכלמנ"), [""], list("סעפצקרש") + ["", ""], 1),
    (list("كلمنسعفق") + ["ال"], list("اوي"), ["", "ة", "ن"], 1),
    (list("कखगघचजटडतदनपबमरलसह"), ["", "ा", "ि", "ी", "ु", "े", "ो"], ["", "ं"], 1),
    (list("กขคงจชซดตถทนบปผพมรลวสหอ"), ["ะ", "า", "ิ", "ี", "ุ", ""], ["", "่", "้", "น"], 1),
    (["港", "口", "水", "火", "山", "人", "大", "小", "中", "国", "年", "日"], [""], ["", "的", "了"], 2),
    (["か", "き", "さ", "し", "た", "な", "の", "は", "ま", "ら"], ["", "い", "う", "ん"], [""], 1),
    (["가", "나", "다", "라", "마", "바", "사", "한", "국", "서"], [""], ["", "는", "이", "에"], 1),
]
SIGNS = [".", ",", "!", "?", ";", ":", "...", "-", "—", "(", ")", "\"", "“", "”", "==", "//", "->",
         "{}", "[i]", "&&", "%", "@", "#", "</p>", "http://", "🙂", "👍🏽", "❤️", "€", "°"]
ENDINGS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"]
SPACES = ["  ", "    ", "\n", "\n\n", "\t", "\r\n", "        ", "\u00a0", "\u3000"]


class Speaker:
    def __init__(self, r):
        self.r = r
        self.words = [[self.word(language) for _ in range(700)] for language in LANGUAGES]
        self.shares = [language[3] for language in LANGUAGES]

    def word(self, language):
        onsets, nuclei, codas, _ = language
        return "".join(self.r.choice(onsets) + self.r.choice(nuclei) + self.r.choice(codas)
                       for _ in range(self.r.choice([1, 1, 2, 2, 2, 3, 4])))

    def line(self):
        r = self.r
        words = r.choices(self.words, self.shares)[0]
        out = ""
        for _ in range(r.randint(3, 18)):
            # A few words make up most of a text.
            word = words[int(len(words) * r.random() ** 3)]
            kind = r.random()
            if kind < 0.15:
                word = word.capitalize()
            elif kind < 0.2:
                word = word.upper()
            elif kind < 0.25:
                word = str(int(10 ** (5 * r.random())))
            elif kind < 0.3:
                word += r.choice(ENDINGS)
            elif kind < 0.4:
                word += r.choice(SIGNS)
            out += word + (r.choice(SPACES) if r.random() < 0.05 else " ")
        return out.rstrip(" ") + "\n"


def main():
    speaker = Speaker(random.Random(20240601))
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=TOKENS, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator((speaker.line() for _ in range(LINES)), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    vocab = model["vocab"]
    vocab["<mask>"] = len(vocab)
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                  "use_regex": True}
    root = {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [
            {"id": vocab[token], "content": token, "single_word": False, "lstrip": token == "<mask>",
             "rstrip": False, "normalized": False, "special": True}
            for token in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")],
        "normalizer": None, "pre_tokenizer": byte_level,
        "post_processor": {"type": "RobertaProcessing", "sep": ["</s>", vocab["</s>"]],
                           "cls": ["<s>", vocab["<s>"]], "trim_offsets": True,
                           "add_prefix_space": False},
        "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "",
            "end_of_word_suffix": "", "fuse_unk": False, "byte_fallback": False,
            "ignore_merges": False, "vocab": vocab,
            "merges": [" ".join(merge) for merge in model["merges"]]}}
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / "tokenizer.json"
    path.write_text(json.dumps(root, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(f"{path}: {len(vocab)} tokens, {len(model['merges'])} merges, "
          f"{path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
