#!/usr/bin/env python3
"""Makes the folder that a server loads from a trained model: fp16 weights, tokenizer, expected scores.

  export.py RUN/model OUT [--base MINILM] [--pairs EXPECTED.json]

expected_scores.json holds the logits of the pairs of --pairs (the same file of an earlier model serves), computed by `transformers` and
not by model.py: fp32 arithmetic on the stored fp16 weights, one pair at a time. The largest difference from model.py is printed.
"""
import argparse
import json
import math
import os
import shutil

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer

import model as M


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model"), p.add_argument("out"), p.add_argument("--pairs")
    p.add_argument("--base", default=os.path.expanduser("~/.cache/rerankd/models/all-MiniLM-L6-v2"))
    a = p.parse_args()
    M.save(M.load(a.model), a.out, half=True)
    tok = Tokenizer.from_file(os.path.join(a.base, "tokenizer.json"))
    tok.no_padding()
    tok.enable_truncation(512, strategy="longest_first")
    with open(os.path.join(a.out, "tokenizer.json"), "w", encoding="utf-8") as f:
        f.write(tok.to_str())
    shutil.copyfile(os.path.join(a.base, "vocab.txt"), os.path.join(a.out, "vocab.txt"))
    names = {f"{n.lower()}_token": f"[{n}]" for n in ("UNK", "SEP", "PAD", "CLS", "MASK")}
    for name, value in (("special_tokens_map", names), ("tokenizer_config", {
            "do_lower_case": True, **names, "tokenize_chinese_chars": True, "strip_accents": None,
            "tokenizer_class": "BertTokenizer", "model_max_length": 512})):
        with open(os.path.join(a.out, name + ".json"), "w", encoding="utf-8") as f:
            json.dump(value, f, indent=1)
    os.chmod(os.path.join(a.out, "model.safetensors"), 0o644)
    size = os.path.getsize(os.path.join(a.out, "model.safetensors"))
    print(f"{size} bytes of weights")
    if not a.pairs:
        return
    torch.set_num_threads(1)
    with open(a.pairs, encoding="utf-8") as f:
        pairs = [(x["query"], x["document"]) for x in json.load(f)["pairs"]]
    net = transformers.AutoModelForSequenceClassification.from_pretrained(a.out, dtype=torch.float32).eval()
    mine, rows, worst = M.load(a.out).eval(), [], 0
    with torch.no_grad():
        for query, document in pairs:
            e = tok.encode(query, document)
            logit = net(input_ids=torch.tensor([e.ids]), token_type_ids=torch.tensor([e.type_ids])).logits.item()
            worst = max(worst, abs(logit - mine.score([(np.array(e.ids), e.type_ids.index(1))]).item()))
            rows.append({"query": query, "document": document, "logit": logit, "sigmoid": 1 / (1 + math.exp(-logit)),
                         "tokens": len(e.ids), "input_ids": e.ids})
    with open(os.path.join(a.out, "expected_scores.json"), "w", encoding="utf-8") as f:
        json.dump({"note": "fp32 arithmetic on the stored fp16 weights; logit before any activation; pairs scored one at a time without padding; "
                           "truncation longest_first at 512 tokens; the first four belong together (index 1 is the best)",
                   "torch": torch.__version__.split("+")[0], "transformers": transformers.__version__, "max_length": 512, "pairs": rows},
                  f, ensure_ascii=False, indent=1)
    print(f"{len(rows)} expected scores, largest difference from model.py {worst:.1e}")


if __name__ == "__main__":
    main()
