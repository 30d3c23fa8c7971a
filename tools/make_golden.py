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

    python tools/make_golden.py --out tests/data/models --default-model DIR --sample sample.json

also writes all-MiniLM-L6-v2.json: the token ids and cosines of a sample query and its documents
({"query": ..., "documents": [...]}) by the default model in DIR.
"""
import argparse
import json
import pathlib
import random
import shutil
import string

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizer

MAX_TOKENS = 64
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
        if "LayerNorm" in name:
            parameter.copy_(0.2 * noise + (1.0 if name.endswith("weight") else 0.0))
        elif name.endswith("bias"):
            parameter.copy_(0.2 * noise)
        elif "embeddings" in name:
            parameter.copy_(0.6 * noise)
        else:
            gain = 1.6 if ".attention." in name else 1.1
            gain = logit_gain if name.startswith("classifier") else gain
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


def make_default_sample(path, model_folder, sample):
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
    parser.add_argument("--default-model")
    parser.add_argument("--sample")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.default_model:
        make_default_sample(options.out / "all-MiniLM-L6-v2.json", options.default_model,
                            options.sample)
        return
    folders = {name: options.out / name
               for name in ("tiny-cross-encoder", "tiny-cross-encoder-bf16", "tiny-bi-encoder")}
    for folder in folders.values():
        shutil.rmtree(folder, ignore_errors=True)
    make_cross_encoder(
        folders["tiny-cross-encoder"], seed=1956, dtype=torch.float32, pairs=40,
        sizes=dict(hidden_size=48, num_attention_heads=3, intermediate_size=112,
                   num_hidden_layers=3, hidden_act="gelu"),
        rename=lambda name: name, extra=None,
        more_config={"sentence_transformers": {
            "activation_fn": "torch.nn.modules.linear.Identity"}})
    make_cross_encoder(
        folders["tiny-cross-encoder-bf16"], seed=1957, dtype=torch.bfloat16, pairs=12,
        sizes=dict(hidden_size=40, num_attention_heads=5, intermediate_size=72,
                   num_hidden_layers=2, hidden_act="relu"),
        rename=lambda name: name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"),
        extra={"bert.embeddings.position_ids": torch.arange(MAX_TOKENS)[None]}, more_config={})
    make_bi_encoder(
        folders["tiny-bi-encoder"], seed=1958, pairs=12,
        sizes=dict(hidden_size=36, num_attention_heads=2, intermediate_size=80,
                   num_hidden_layers=2, hidden_act="gelu_new"))


if __name__ == "__main__":
    main()
