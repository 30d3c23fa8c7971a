"""A BERT cross-encoder in plain PyTorch, with the weight names of `transformers`' BertForSequenceClassification.

Written out because training on a CPU needs two things that the stock class does not give: batches of nearly equal
length without bookkeeping at the call, and arithmetic in bfloat16 with the weights themselves kept in float32.
"""
import json
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import load_file, save_file


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        h, self.heads = c["hidden_size"], c["num_attention_heads"]
        sub = nn.ModuleDict
        self.attention = sub({
            "self": sub({n: nn.Linear(h, h) for n in ("query", "key", "value")}),
            "output": sub({"dense": nn.Linear(h, h), "LayerNorm": nn.LayerNorm(h, c["layer_norm_eps"])})})
        self.intermediate = sub({"dense": nn.Linear(h, c["intermediate_size"])})
        self.output = sub({"dense": nn.Linear(c["intermediate_size"], h),
                           "LayerNorm": nn.LayerNorm(h, c["layer_norm_eps"])})

    def forward(self, x, mask):
        b, t, h = x.shape
        split = lambda y: y.view(b, t, self.heads, h // self.heads).transpose(1, 2)
        a = self.attention
        # In float32: the bfloat16 kernel of the CPU is several times slower here.
        q, k, v = (split(a["self"][n](x)).float() for n in ("query", "key", "value"))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask).to(x.dtype)
        x = a["output"]["LayerNorm"](x + a["output"]["dense"](y.transpose(1, 2).reshape(b, t, h)))
        y = self.output["dense"](F.gelu(self.intermediate["dense"](x)))
        return self.output["LayerNorm"](x + y)


class CrossEncoder(nn.Module):
    """ids, types, lengths -> one logit a row. Rows are padded to the longest; no dropout: the teacher is the regulariser."""

    def __init__(self, config):
        super().__init__()
        c, h = config, config["hidden_size"]
        self.config = config
        emb = {"word_embeddings": nn.Embedding(c["vocab_size"], h),
               "position_embeddings": nn.Embedding(c["max_position_embeddings"], h),
               "token_type_embeddings": nn.Embedding(c["type_vocab_size"], h),
               "LayerNorm": nn.LayerNorm(h, c["layer_norm_eps"])}
        self.bert = nn.ModuleDict({
            "embeddings": nn.ModuleDict(emb),
            "encoder": nn.ModuleDict({"layer": nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))}),
            "pooler": nn.ModuleDict({"dense": nn.Linear(h, h)})})
        self.classifier = nn.Linear(h, 1)

    def forward(self, ids, types, lengths):
        e = self.bert["embeddings"]
        t = ids.shape[1]
        x = e["word_embeddings"](ids) + e["position_embeddings"].weight[:t] + e["token_type_embeddings"](types)
        x = e["LayerNorm"](x)
        mask = None
        if int(lengths.min()) < t:
            keep = torch.arange(t) < lengths[:, None]
            mask = torch.zeros(keep.shape).masked_fill(~keep, -1e4)[:, None, None, :]
        for layer in self.bert["encoder"]["layer"]:
            x = layer(x, mask)
        return self.classifier(torch.tanh(self.bert["pooler"]["dense"](x[:, 0]))).squeeze(1).float()

    def score(self, pairs, rows=16):
        """Logits of tokenized pairs [(ids, first token of the passage)], in their order, computed by length to avoid padding."""
        order = sorted(range(len(pairs)), key=lambda i: len(pairs[i][0]))
        parts = [self(*collate([pairs[i] for i in order[k:k + rows]])) for k in range(0, len(order), rows)]
        out = torch.cat(parts)
        back = torch.empty(len(order), dtype=torch.long)
        back[torch.tensor(order)] = torch.arange(len(order))
        return out[back]


def collate(pairs):
    n = max(len(p[0]) for p in pairs)
    ids = torch.zeros(len(pairs), n, dtype=torch.long)
    types = torch.zeros(len(pairs), n, dtype=torch.long)
    for row, (tokens, second) in enumerate(pairs):
        ids[row, :len(tokens)] = torch.as_tensor(tokens)
        types[row, second:len(tokens)] = 1
    return ids, types, torch.tensor([len(p[0]) for p in pairs])


def load(folder, seed=0, layers=None):
    """Reads a BERT encoder or a cross-encoder; `layers` keeps only these (for a smaller student). The head is new if absent."""
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
        config = json.load(f)
    weights = load_file(os.path.join(folder, "model.safetensors"))
    weights = {(k if k.startswith(("bert.", "classifier.")) else "bert." + k): v.float() for k, v in weights.items()
               if not k.endswith("position_ids")}
    if layers is not None:
        pre = "bert.encoder.layer."
        kept = {k: v for k, v in weights.items() if not k.startswith(pre)}
        for new, old in enumerate(layers):
            kept |= {k.replace(f"{pre}{old}.", f"{pre}{new}.", 1): v for k, v in weights.items()
                     if k.startswith(f"{pre}{old}.")}
        weights, config = kept, dict(config, num_hidden_layers=len(layers))
    model = CrossEncoder(config)
    if "classifier.weight" not in weights:
        g = torch.Generator().manual_seed(seed)
        weights["classifier.weight"] = torch.randn(1, config["hidden_size"], generator=g) * 0.02
        weights["classifier.bias"] = torch.zeros(1)
    model.load_state_dict(weights)
    return model


def save(model, folder, half=False):
    """Writes the weights and a config.json that any server of sequence-classification models reads."""
    os.makedirs(folder, exist_ok=True)
    keep = {k: model.config[k] for k in (
        "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size",
        "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "hidden_act", "pad_token_id") if k in model.config}
    config = {"architectures": ["BertForSequenceClassification"], "model_type": "bert", **keep,
              "id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0},
              "torch_dtype": "float16" if half else "float32",
              "sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"}}
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as f:
        json.dump(config, f, indent=1)
    kind = torch.float16 if half else torch.float32
    tmp = os.path.join(folder, "model.safetensors.tmp")
    save_file({k: v.detach().to(kind).contiguous() for k, v in model.state_dict().items()}, tmp, metadata={"format": "pt"})
    os.replace(tmp, os.path.join(folder, "model.safetensors"))
