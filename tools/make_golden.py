#!/usr/bin/env python3
"""Makes the model folders of tests/data/models and the scores that they must give.

    pip install torch==2.11.0 transformers==5.23.0 sentence-transformers==6.2.0
    python tools/make_golden.py --out tests/data/models

Everything comes from a fixed seed; texts and words are invented here. The oracle is transformers
(cross-encoders) and sentence-transformers (bi-encoders) in fp32 arithmetic on the weights as they
are stored, one sequence at a time. Weights are random, but with the spread of trained ones: scores
differ clearly from text to text, biases and layer norms are not at 0 and 1, and no two sizes are
equal, so that a transposed or swapped matrix cannot go unnoticed.

    tiny-cross-encoder       BertForSequenceClassification, fp32, 3 heads of 16
    tiny-cross-encoder-bf16  the same shape of network, smaller, in bf16, under old tensor names
    tiny-bi-encoder          BertModel in a sentence-transformers folder, fp16, first-token pooling
    tiny-roberta …           one folder a line of CROSS_ENCODERS and BI_ENCODERS below, with the
                             tokenizer of its family

`--only NAME` makes one folder.

    python tools/make_golden.py --out tests/data/models --minilm DIR --sample tools/sample/dartmouth.json

writes all-MiniLM-L6-v2.json instead: the token ids and cosines of a sample query and its documents
({"query": ..., "documents": [...]}) by all-MiniLM-L6-v2 in DIR.
"""
import argparse
import json
import pathlib
import random
import shutil
import string

import tokenizers
import torch
import transformers
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizer

MAX_TOKENS = 64
# What of the configuration says which network it is; everything else is defaults or training.
CONFIG_KEYS = """model_type vocab_size hidden_size num_hidden_layers num_attention_heads intermediate_size
hidden_act max_position_embeddings type_vocab_size layer_norm_eps pad_token_id embedding_size dim n_layers n_heads
hidden_dim activation sinusoidal_pos_embds""".split()
# Folder → class, sizes, labels, stored type. No two sizes of a network are equal, and no two networks have the same.
# Shards: at most so many bytes a file, under the index that transformers writes.
CROSS_ENCODERS = {
    "tiny-roberta": dict(
        cls="RobertaForSequenceClassification", labels=1, dtype=torch.float32, tokenizer="bpe", seed=1960,
        sizes=dict(hidden_size=36, num_attention_heads=3, intermediate_size=84, num_hidden_layers=3, hidden_act="gelu")),
    "tiny-xlm-roberta": dict(
        cls="XLMRobertaForSequenceClassification", labels=2, dtype=torch.bfloat16, tokenizer="unigram", seed=1961,
        shards=40_000,
        sizes=dict(hidden_size=40, num_attention_heads=5, intermediate_size=72, num_hidden_layers=2, hidden_act="gelu")),
    "tiny-camembert": dict(
        cls="CamembertForSequenceClassification", labels=1, dtype=torch.float16, tokenizer="camembert", seed=1962,
        extra={"roberta.embeddings.position_ids": torch.arange(MAX_TOKENS + 2)[None],
               "roberta.pooler.dense.weight": torch.ones(44, 44), "roberta.pooler.dense.bias": torch.ones(44)},
        sizes=dict(hidden_size=44, num_attention_heads=4, intermediate_size=60, num_hidden_layers=2,
                   hidden_act="gelu_new")),
    "tiny-electra": dict(
        cls="ElectraForSequenceClassification", labels=1, dtype=torch.float32, tokenizer="wordpiece", seed=1963,
        sizes=dict(embedding_size=20, hidden_size=42, num_attention_heads=3, intermediate_size=76, num_hidden_layers=2,
                   hidden_act="relu")),
    "tiny-electra-2-labels": dict(
        cls="ElectraForSequenceClassification", labels=2, dtype=torch.float16, tokenizer="wordpiece", seed=1964,
        sizes=dict(embedding_size=24, hidden_size=24, num_attention_heads=2, intermediate_size=52, num_hidden_layers=2,
                   hidden_act="gelu")),
    "tiny-distilbert": dict(
        cls="DistilBertForSequenceClassification", labels=1, dtype=torch.float32, tokenizer="wordpiece", seed=1965,
        sizes=dict(dim=28, n_heads=2, hidden_dim=68, n_layers=3, activation="gelu", sinusoidal_pos_embds=True)),
    "tiny-distilbert-2-labels": dict(
        cls="DistilBertForSequenceClassification", labels=2, dtype=torch.bfloat16, tokenizer="wordpiece", seed=1966,
        sizes=dict(dim=30, n_heads=5, hidden_dim=56, n_layers=2, activation="relu")),
}
BI_ENCODERS = {
    "tiny-roberta-bi": dict(
        cls="RobertaModel", pooling="mean", normalize=True, dtype=torch.float32, tokenizer="bpe", seed=1970,
        prompts={"query": "which path: ", "document": "the path: "},
        sizes=dict(hidden_size=33, num_attention_heads=3, intermediate_size=70, num_hidden_layers=2, hidden_act="gelu")),
    "tiny-electra-bi": dict(
        cls="ElectraModel", pooling="cls", normalize=False, dtype=torch.float16, tokenizer="wordpiece", seed=1971,
        sizes=dict(embedding_size=22, hidden_size=35, num_attention_heads=5, intermediate_size=64, num_hidden_layers=2,
                   hidden_act="gelu")),
    "tiny-distilbert-bi": dict(
        cls="DistilBertModel", pooling="mean", normalize=False, dtype=torch.bfloat16, tokenizer="wordpiece", seed=1972,
        prompts={"query": "near the old mill, "},
        sizes=dict(dim=26, n_heads=2, hidden_dim=58, n_layers=2, activation="gelu")),
}
WORDS = """
anchor apple april arch attic autumn baker bamboo barrel basket beacon bell birch blanket boat bread
breeze bridge bronze brook brush bucket candle canvas carpet castle cedar cellar chalk chimney cider
clay cliff clock cloud cobble copper coral cotton crane creek cricket crystal curtain dawn deer desk
dust eagle echo ember engine falcon feather fern ferry field finch flint flute forest fossil fountain
fox garden gate ginger glacier glass glove goose granite grape harbor harvest hazel hedge heron hill
honey horn ice ink iron island ivory ivy jar juniper kettle key kite ladder lamp lantern larch lark
laurel leaf lemon letter lily linen loom maple marble market meadow mill mint mirror mist moon moss
moth mountain needle nest north oak oats ocean olive orchard otter owl oyster paint paper path pear
pebble pepper pine plum pond poppy pottery quarry quill quilt rain raven reed ribbon river robin roof
root rope rose rust saddle sail salt sand scarf seed shell shore silk silver sketch slate sled smoke
snow sparrow spice spring spruce stone storm straw stream sugar summer swan table tea thistle thread
thyme tide timber tin tower trail tunnel valley velvet village vine violet violin wagon walnut water
wave wax weather well wheat wheel willow wind window winter wolf wood wool yarn
the a an of in on by with for from to and or but is was are were has had not no why how what when where
who which does did over under near behind before after between slowly quietly carefully often never
always carried painted repaired counted found lost opened closed measured planted folded mended old
new small large bright dark quiet narrow deep broken wooden hidden early late first last many few
""".split()


def invented_word(rng):
    """A word that the vocabulary has only in pieces."""
    syllables = ["bra", "kel", "mo", "ti", "zan", "ruk", "sel", "vo", "lim", "dar", "phe", "nox"]
    return "".join(rng.choice(syllables) for _ in range(rng.randint(2, 4)))


def sentence(rng, words):
    parts = []
    for _ in range(words):
        draw = rng.random()
        if draw < 0.80:
            parts.append(rng.choice(WORDS))
        elif draw < 0.90:
            parts.append(invented_word(rng))
        elif draw < 0.94:
            parts.append(str(rng.randint(0, 2999)))
        elif draw < 0.97:
            parts.append(rng.choice(["caf\u00e9", "na\u00efve", "\u00dcber", "Stra\u00dfe", "\u6c34"]))
        else:
            parts.append(rng.choice(["(", ")", "-", ";", ",", "'", "%"]))
    parts[0] = parts[0].capitalize()
    return " ".join(parts) + rng.choice([".", "?", "!", ""])


def make_vocabulary():
    letters = string.ascii_lowercase
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens += list(string.punctuation) + list(string.digits) + list(letters)
    tokens += ["##" + c for c in string.digits + letters]
    tokens += ["##" + a + b for a in letters for b in letters]
    tokens += sorted(WORDS)
    return list(dict.fromkeys(tokens))


def save_tokenizer(folder):
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(make_vocabulary()) + "\n")
    tokenizer = BertTokenizer(vocab=str(folder / "vocab.txt"), do_lower_case=True)
    if len(tokenizer) != len(make_vocabulary()):  # releases differ in how they take a file
        vocabulary = {token: i for i, token in enumerate(make_vocabulary())}
        tokenizer = BertTokenizer(vocab=vocabulary, do_lower_case=True)
    assert len(tokenizer) == len(make_vocabulary())
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "BertTokenizer", "do_lower_case": True, "strip_accents": None,
        "tokenize_chinese_chars": True, "model_max_length": MAX_TOKENS, "pad_token": "[PAD]",
        "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"})
    tokenizer.model_max_length = MAX_TOKENS
    return tokenizer


def byte_level_bpe():
    """RoBERTa's kind, trained on invented sentences."""
    rng, trained = random.Random(7), tokenizers.ByteLevelBPETokenizer()
    trained.train_from_iterator([sentence(rng, 12) for _ in range(400)], vocab_size=520, show_progress=False,
                                special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    model = json.loads(trained._tokenizer.to_str())["model"]
    return transformers.RobertaTokenizer(vocab=model["vocab"], merges=[tuple(merge) for merge in model["merges"]])


def unigram(kind):
    """XLM-RoBERTa's and CamemBERT's kind: longer pieces are likelier than what they are made of."""
    pieces = ["\u2581" + word for word in sorted(WORDS)] + ["\u2581"] + list(string.ascii_lowercase) + list(
        string.ascii_uppercase) + list(string.digits) + list(string.punctuation)
    scored = [(piece, round(-4 - 0.003 * i - (3 if len(piece) == 1 else 0), 3))
              for i, piece in enumerate(dict.fromkeys(pieces))]
    if kind == "unigram":
        special = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
        return transformers.XLMRobertaTokenizer(vocab=special + scored + [("<mask>", 0.0)])
    special = [("<s>NOTUSED", 0.0), ("<pad>", 0.0), ("</s>NOTUSED", 0.0), ("<unk>", 0.0), ("<unk>NOTUSED", -100.0),
               ("<s>", 0.0), ("</s>", 0.0)]
    return transformers.CamembertTokenizer(vocab=special + scored + [("<mask>", 0.0)])


def save_family_tokenizer(folder, kind):
    if kind == "wordpiece":
        return save_tokenizer(folder)
    folder.mkdir(parents=True)
    tokenizer = byte_level_bpe() if kind == "bpe" else unigram(kind)
    tokenizer.model_max_length = MAX_TOKENS
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": type(tokenizer).__name__, "model_max_length": MAX_TOKENS, "bos_token": "<s>",
        "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>",
        "mask_token": "<mask>"})
    return tokenizer


def write_json(path, value, rows=None):
    """`rows`: the key of a list that gets a line an element, so that a diff can be read."""
    if rows is None:
        path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")
        return
    head = json.dumps({k: v for k, v in value.items() if k != rows}, ensure_ascii=False)[:-1]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in value[rows])
    path.write_text(f'{head}, "{rows}": [\n{lines}\n]}}\n')


@torch.no_grad()
def spread_weights(model, generator, logit_gain):
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if "norm" in name.lower():
            parameter.copy_(0.2 * noise + (1.0 if name.endswith("weight") else 0.0))
        elif name.endswith("bias"):
            parameter.copy_(0.2 * noise)
        elif "embeddings." in name:
            parameter.copy_(0.6 * noise)
        else:
            gain = 1.6 if ".attention." in name else 1.1
            gain = logit_gain if name in ("classifier.weight", "classifier.out_proj.weight") else gain
            parameter.copy_(gain * noise / parameter.shape[1] ** 0.5)


def make_pairs(tokenizer, rng, count):
    """Pairs of very different lengths that all fit; the last one fills the model to its limit."""
    pairs = []
    while len(pairs) < count - 1:
        query = sentence(rng, rng.randint(1, 9))
        document = " ".join(sentence(rng, rng.randint(1, 12)) for _ in range(rng.randint(1, 3)))
        if len(tokenizer(query, document)["input_ids"]) <= MAX_TOKENS:
            pairs.append((query, document))
    query, document = "Which river is near the old mill?", "Stone"
    while len(tokenizer(query, document)["input_ids"]) < MAX_TOKENS:
        document += " " + rng.choice(WORDS)
    assert len(tokenizer(query, document)["input_ids"]) == MAX_TOKENS
    return pairs + [(query, document)]


def store(model, folder, dtype, rename=lambda name: name, extra=None):
    """Saves the weights as `dtype` and leaves the model in fp32 with the rounded values."""
    model.to(dtype)
    tensors = {rename(k): v.contiguous().clone() for k, v in model.state_dict().items()}
    tensors.update(extra or {})
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    model.float()


def bert_config(**sizes):
    return BertConfig(
        vocab_size=len(make_vocabulary()), max_position_embeddings=MAX_TOKENS, type_vocab_size=2,
        layer_norm_eps=1e-3, num_labels=1, attn_implementation="eager", **sizes)


def save_config(config, folder, **more):
    values = config.to_dict()
    keys = ["model_type", "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
            "intermediate_size", "hidden_act", "max_position_embeddings", "type_vocab_size",
            "layer_norm_eps", "pad_token_id"]
    write_json(folder / "config.json", {k: values[k] for k in keys} | {
        "position_embedding_type": "absolute"} | more)


def make_cross_encoder(folder, seed, dtype, pairs, sizes, rename, extra, more_config):
    tokenizer = save_tokenizer(folder)
    model = BertForSequenceClassification(bert_config(**sizes)).eval()
    spread_weights(model, torch.Generator().manual_seed(seed), logit_gain=6.0)
    store(model, folder, dtype, rename, extra)
    save_config(model.config, folder, architectures=["BertForSequenceClassification"],
                id2label={"0": "LABEL_0"}, **more_config)
    rows = []
    for query, document in make_pairs(tokenizer, random.Random(seed), pairs):
        encoded = tokenizer(query, document)
        with torch.no_grad():
            logit = model(**{k: torch.tensor([v]) for k, v in encoded.items()}).logits.item()
        rows.append({"query": query, "document": document, "logit": logit,
                     "input_ids": encoded["input_ids"], "type_ids": encoded["token_type_ids"]})
    logits = torch.tensor([row["logit"] for row in rows])
    assert logits.std() > 0.5, logits
    write_json(folder / "expected_scores.json", {
        "note": "logits before any activation; fp32 arithmetic on the stored weights; no pair is "
                "truncated", "pairs": rows}, rows="pairs")
    report(folder, logits)


def make_bi_encoder(folder, seed, pairs, sizes):
    from sentence_transformers import SentenceTransformer, util
    tokenizer = save_tokenizer(folder)
    model = BertModel(bert_config(**sizes)).eval()
    spread_weights(model, torch.Generator().manual_seed(seed), logit_gain=1.0)
    store(model, folder, torch.float16)
    save_config(model.config, folder, architectures=["BertModel"])
    write_json(folder / "modules.json", [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling",
         "type": "sentence_transformers.models.Pooling"}])
    (folder / "1_Pooling").mkdir()
    write_json(folder / "1_Pooling" / "config.json", {
        "word_embedding_dimension": sizes["hidden_size"], "pooling_mode_cls_token": True,
        "pooling_mode_mean_tokens": False, "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False})
    write_json(folder / "sentence_bert_config.json", {
        "max_seq_length": MAX_TOKENS, "do_lower_case": False})
    oracle = SentenceTransformer(str(folder), device="cpu",
                                 model_kwargs={"dtype": torch.float32}).eval()
    rows = []
    for query, document in make_pairs(tokenizer, random.Random(seed), pairs):
        embeddings = [oracle.encode(text, convert_to_tensor=True) for text in (query, document)]
        rows.append({"query": query, "document": document,
                     "cosine": util.cos_sim(*embeddings).item(),
                     "query_ids": tokenizer(query)["input_ids"],
                     "document_ids": tokenizer(document)["input_ids"]})
    cosines = torch.tensor([row["cosine"] for row in rows])
    assert cosines.std() > 0.05, cosines
    write_json(folder / "expected_scores.json", {
        "note": "cosines of sentence-transformers' embeddings; fp32 arithmetic on the stored "
                "weights; no text is truncated", "pairs": rows}, rows="pairs")
    report(folder, cosines)


def family_config(spec, tokenizer):
    """The rest of the configuration of a line of CROSS_ENCODERS or BI_ENCODERS."""
    cls = getattr(transformers, spec["cls"])
    more = dict(vocab_size=len(tokenizer), max_position_embeddings=MAX_TOKENS)
    if cls.config_class.model_type in ("roberta", "xlm-roberta", "camembert"):
        more |= dict(max_position_embeddings=MAX_TOKENS + 2, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1)
    elif cls.config_class.model_type == "electra":
        more |= dict(type_vocab_size=2, layer_norm_eps=1e-3)
    config = cls.config_class(num_labels=spec.get("labels", 1), attn_implementation="eager", **more, **spec["sizes"])
    return cls, config


def save_family_config(config, folder, architecture, **more):
    values = config.to_dict()
    write_json(folder / "config.json", {k: values[k] for k in CONFIG_KEYS if k in values} | {
        "architectures": [architecture]} | more)


def pairs_over_the_limit(rng):
    long_query = " ".join(sentence(rng, 12) for _ in range(4))
    long_document = " ".join(sentence(rng, 12) for _ in range(6))
    return [("What was found in the old mill?", long_document, "longest_first"),
            ("What was found in the old mill?", long_document, "only_document"),
            (long_query, long_document, "longest_first"), (long_query, "A river.", "longest_first")]


def make_family_cross_encoder(folder, spec, pairs=12):
    tokenizer = save_family_tokenizer(folder, spec["tokenizer"])
    cls, config = family_config(spec, tokenizer)
    model = cls(config).eval()
    spread_weights(model, torch.Generator().manual_seed(spec["seed"]), logit_gain=10.0)
    if "shards" in spec:
        model.to(spec["dtype"])
        model.save_pretrained(folder, max_shard_size=spec["shards"])
        for shard in folder.glob("*.safetensors"):
            shard.chmod(0o644)
        (folder / "generation_config.json").unlink(missing_ok=True)
        assert (folder / "model.safetensors.index.json").exists()
        model.float()
    else:
        store(model, folder, spec["dtype"], extra=spec.get("extra"))
    save_family_config(config, folder, spec["cls"], id2label={str(i): f"LABEL_{i}" for i in range(spec["labels"])})
    rng, rows = random.Random(spec["seed"]), []
    candidates = [(q, d, "longest_first") for q, d in make_pairs(tokenizer, rng, pairs)] + pairs_over_the_limit(rng)
    for query, document, truncation in candidates:
        encoded = tokenizer(query, document, max_length=MAX_TOKENS,
                            truncation="only_second" if truncation == "only_document" else truncation)
        with torch.no_grad():
            logits = model(**{k: torch.tensor([v]) for k, v in encoded.items()}).logits[0]
        rows.append({"query": query, "document": document, "truncation": truncation,
                     "logit": (logits[-1] - logits[0] if spec["labels"] == 2 else logits[0]).item(),
                     "input_ids": encoded["input_ids"],
                     "type_ids": encoded.get("token_type_ids", [0] * len(encoded["input_ids"]))})
    if spec["tokenizer"] == "bpe":  # a text may spell the padding token out
        query, document = "A river", "near <pad> the <pad> mill"
        ids = tokenizer(query, document)["input_ids"]
        assert ids.count(1) == 2
        with torch.no_grad():
            logit = model(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids))).logits.item()
        rows.append({"query": query, "document": document, "truncation": "longest_first", "logit": logit,
                     "input_ids": ids, "type_ids": [0] * len(ids)})
    logits = torch.tensor([row["logit"] for row in rows])
    assert logits.std() > 0.5, logits
    write_json(folder / "expected_scores.json", {
        "note": "logits before any activation, of two labels the second minus the first; fp32 arithmetic on the "
                "stored weights", "parameters": model.num_parameters(), "pairs": rows}, rows="pairs")
    report(folder, logits)


def make_family_bi_encoder(folder, spec, pairs=10):
    from sentence_transformers import SentenceTransformer, util
    tokenizer = save_family_tokenizer(folder, spec["tokenizer"])
    cls, config = family_config(spec, tokenizer)
    model = cls(config, **({"add_pooling_layer": False} if spec["cls"].startswith("Roberta") else {})).eval()
    spread_weights(model, torch.Generator().manual_seed(spec["seed"]), logit_gain=1.0)
    store(model, folder, spec["dtype"])
    save_family_config(config, folder, spec["cls"])
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")] + [("2_Normalize", "Normalize")] * spec["normalize"]
    write_json(folder / "modules.json", [
        {"idx": i, "name": str(i), "path": path, "type": "sentence_transformers.models." + name}
        for i, (path, name) in enumerate(modules)])
    (folder / "1_Pooling").mkdir()
    write_json(folder / "1_Pooling" / "config.json", {
        "embedding_dimension": config.hidden_size, "pooling_mode": spec["pooling"], "include_prompt": True})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": MAX_TOKENS, "do_lower_case": False})
    write_json(folder / "config_sentence_transformers.json", {
        "model_type": "SentenceTransformer", "prompts": spec.get("prompts", {}), "default_prompt_name": None,
        "similarity_fn_name": "cosine"})
    oracle = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32}).eval()
    rng, rows = random.Random(spec["seed"]), []
    for query, document in make_pairs(tokenizer, rng, pairs) + [pair[:2] for pair in pairs_over_the_limit(rng)]:
        embeddings = [oracle.encode_query(query, convert_to_tensor=True),
                      oracle.encode_document(document, convert_to_tensor=True)]
        ids = [tokenizer(oracle.prompts[name] + text, truncation=True, max_length=MAX_TOKENS)["input_ids"]
               for name, text in (("query", query), ("document", document))]
        rows.append({"query": query, "document": document, "cosine": util.cos_sim(*embeddings).item(),
                     "query_ids": ids[0], "document_ids": ids[1]})
    cosines = torch.tensor([row["cosine"] for row in rows])
    assert cosines.std() > 0.05, cosines
    write_json(folder / "expected_scores.json", {
        "note": "cosines of sentence-transformers' encode_query() and encode_document(), prompts included; fp32 "
                "arithmetic on the stored weights", "parameters": model.num_parameters(), "pairs": rows}, rows="pairs")
    report(folder, cosines)


def make_sample(path, model_folder, sample):
    from sentence_transformers import SentenceTransformer, util
    texts = json.loads(pathlib.Path(sample).read_text())
    oracle = SentenceTransformer(model_folder, device="cpu").eval()
    ids = [oracle.tokenizer(text)["input_ids"] for text in [texts["query"]] + texts["documents"]]
    embeddings = oracle.encode([texts["query"]] + texts["documents"], convert_to_tensor=True)
    cosines = util.cos_sim(embeddings[:1], embeddings[1:])[0]
    write_json(path, {"note": "token ids and cosines of the sample query and documents",
                      "query_ids": ids[0],
                      "documents": [{"ids": i, "cosine": c.item()}
                                    for i, c in zip(ids[1:], cosines)]}, rows="documents")
    print(path, [round(c.item(), 4) for c in cosines])


def report(folder, scores):
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    print(f"{folder}: {size / 1024:.0f} KiB; scores {scores.min():.3f} to {scores.max():.3f}, "
          f"standard deviation {scores.std():.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--minilm")
    parser.add_argument("--sample")
    parser.add_argument("--only")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.minilm:
        make_sample(options.out / "all-MiniLM-L6-v2.json", options.minilm, options.sample)
        return
    makers = {
        "tiny-cross-encoder": lambda folder: make_cross_encoder(
            folder, seed=1956, dtype=torch.float32, pairs=40,
            sizes=dict(hidden_size=48, num_attention_heads=3, intermediate_size=112,
                       num_hidden_layers=3, hidden_act="gelu"),
            rename=lambda name: name, extra=None,
            more_config={"sentence_transformers": {
                "activation_fn": "torch.nn.modules.linear.Identity"}}),
        "tiny-cross-encoder-bf16": lambda folder: make_cross_encoder(
            folder, seed=1957, dtype=torch.bfloat16, pairs=12,
            sizes=dict(hidden_size=40, num_attention_heads=5, intermediate_size=72,
                       num_hidden_layers=2, hidden_act="relu"),
            rename=lambda name: name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
                "LayerNorm.bias", "LayerNorm.beta"),
            extra={"bert.embeddings.position_ids": torch.arange(MAX_TOKENS)[None]}, more_config={}),
        "tiny-bi-encoder": lambda folder: make_bi_encoder(
            folder, seed=1958, pairs=12,
            sizes=dict(hidden_size=36, num_attention_heads=2, intermediate_size=80,
                       num_hidden_layers=2, hidden_act="gelu_new")),
    }
    for name, spec in CROSS_ENCODERS.items():
        makers[name] = lambda folder, spec=spec: make_family_cross_encoder(folder, spec)
    for name, spec in BI_ENCODERS.items():
        makers[name] = lambda folder, spec=spec: make_family_bi_encoder(folder, spec)
    for name, make in makers.items():
        if options.only in (None, name):
            shutil.rmtree(options.out / name, ignore_errors=True)
            make(options.out / name)


if __name__ == "__main__":
    main()
