#!/usr/bin/env python3
"""Makes a sentence-transformers folder of a BERT encoder that is to be had as an ONNX file (a further teacher).

  teacher.py MODEL.onnx TOKENIZER.json OUT --pooling cls

The export names biases, embeddings and layer norms as transformers does, but not the matrices: each is the constant factor of the product to
which its layer's bias is added.
"""
import argparse
import json
import os
import shutil

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors.numpy import save_file


def weights(graph):
    given = {t.name: numpy_helper.to_array(t).astype(np.float32) for t in graph.initializer}
    named = {n: w for n, w in given.items() if n.startswith(("embeddings.", "encoder."))}
    product = {n.output[0]: n for n in graph.node if n.op_type == "MatMul"}
    for n in graph.node:
        if n.op_type == "Add":
            bias = next((i for i in n.input if i.endswith(".bias") and i in given), None)
            of = next((product[i] for i in n.input if i in product), None)
            if bias and of is not None:
                matrix = next(i for i in of.input if i in given)
                named[bias[:-len("bias")] + "weight"] = np.ascontiguousarray(given[matrix].T)
    return named


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("onnx"), p.add_argument("tokenizer"), p.add_argument("out"), p.add_argument("--pooling", choices=["cls", "mean"], required=True)
    p.add_argument("--heads", type=int, default=12)
    a = p.parse_args()
    w = weights(onnx.load(a.onnx).graph)
    layers = 1 + max(int(n.split(".")[2]) for n in w if n.startswith("encoder.layer."))
    vocabulary, hidden = w["embeddings.word_embeddings.weight"].shape
    config = {"architectures": ["BertModel"], "model_type": "bert", "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": a.heads,
              "intermediate_size": w["encoder.layer.0.intermediate.dense.weight"].shape[0], "vocab_size": vocabulary, "type_vocab_size": 2,
              "max_position_embeddings": w["embeddings.position_embeddings.weight"].shape[0], "layer_norm_eps": 1e-12, "hidden_act": "gelu"}
    os.makedirs(os.path.join(a.out, "1_Pooling"), exist_ok=True)
    save_file(w, os.path.join(a.out, "model.safetensors"), {"format": "pt"})
    shutil.copy(a.tokenizer, os.path.join(a.out, "tokenizer.json"))
    files = {
        "config.json": config,
        "tokenizer_config.json": {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 512, "pad_token": "[PAD]",
                                  "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"},
        "modules.json": [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                         {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}],
        "sentence_bert_config.json": {"max_seq_length": 512, "do_lower_case": False},
        "1_Pooling/config.json": {"word_embedding_dimension": hidden, "pooling_mode_cls_token": a.pooling == "cls",
                                  "pooling_mode_mean_tokens": a.pooling == "mean"},
    }
    for name, value in files.items():
        with open(os.path.join(a.out, name), "w", encoding="utf-8") as f:
            json.dump(value, f, indent=1)
    print(f"{layers} layers, {hidden} wide, {sum(x.size for x in w.values())} weights")


if __name__ == "__main__":
    main()
