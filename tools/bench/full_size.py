#!/usr/bin/env python3
"""Memory, load time and speed of a reranker of bge-reranker-v2-m3's exact shape, beside transformers.

  full_size.py --tokenizer FOLDER [--work FOLDER] [--binary build/release/server/rerankd] [--precisions fp32 bf16]
               [--rounds 2] [--requests 2] [--documents 8] [--threads 2] [--long-text]

Weights are random (XLM-RoBERTa large: 24 layers, hidden 1024, 8194 positions, 568 million parameters), the tokenizer is the
real one, from --tokenizer. The folders (2.3 GB in fp32, 1.1 GB in bf16) are made once, in --work. For each precision the server
serves a folder whose weights are stored that way, from the page cache; resident memory is read after the start, after the
requests, with --long-text after one text of 8192 tokens (a minute and more), and at its peak, and compared to the weights
file. The server and transformers (in this process, fp32) score the same requests in turn, because a shared machine drifts:
compare the ratio. Pairs are cut to 512 tokens, with --long-text to 8192.
Needs about 8 GB of free memory, or 5 with --rounds 0, which leaves transformers out.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
SHAPE = dict(vocab_size=250002, hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096,
             hidden_act="gelu", max_position_embeddings=8194, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1)
STORED = {"fp32": "float32", "bf16": "bfloat16"}


def make_folders(work, tokenizer, precisions):
    """-> {precision: folder}"""
    import torch
    from safetensors.torch import save_file
    from transformers import XLMRobertaConfig, XLMRobertaForSequenceClassification

    folders = {precision: work / f"xlm-roberta-large-{precision}" for precision in precisions}
    missing = [precision for precision in precisions if not (folders[precision] / "config.json").exists()]
    if not missing:
        return folders
    torch.manual_seed(1)
    config = XLMRobertaConfig(**SHAPE, num_labels=1)
    model = XLMRobertaForSequenceClassification(config)
    with torch.no_grad():
        model.classifier.out_proj.weight.mul_(20)  # scores that differ
    for precision in missing:
        folder = folders[precision]
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("tokenizer.json", "sentencepiece.bpe.model", "tokenizer_config.json"):
            if (tokenizer / name).exists():
                shutil.copy(tokenizer / name, folder / name)
        save_file({k: v.to(getattr(torch, STORED[precision])).contiguous() for k, v in model.state_dict().items()},
                  folder / "model.safetensors", metadata={"format": "pt"})
        if not (folder / "tokenizer_config.json").exists():
            (folder / "tokenizer_config.json").write_text(json.dumps({
                "tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 8192, "bos_token": "<s>", "eos_token": "</s>",
                "cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"}))
        (folder / "config.json").write_text(json.dumps({"architectures": ["XLMRobertaForSequenceClassification"],
                                                        "model_type": "xlm-roberta", "id2label": {"0": "LABEL_0"}, **SHAPE}))
    return folders


class Peer:
    """transformers, as FlagEmbedding calls it: longest texts first, padded batches."""

    def __init__(self, folder, max_tokens):
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
        self.torch, self.max_tokens = torch, max_tokens
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()

    def rerank(self, query, documents):
        order = sorted(range(len(documents)), key=lambda i: -len(documents[i]))
        scores = [0.0] * len(documents)
        with self.torch.inference_mode():
            for first in range(0, len(order), 16):
                batch = order[first:first + 16]
                inputs = self.tokenizer([query] * len(batch), [documents[i] for i in batch], truncation=True,
                                        max_length=self.max_tokens, padding=True, return_tensors="pt")
                for i, score in zip(batch, self.model(**inputs).logits[:, 0].tolist()):
                    scores[i] = score
        return scores


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokenizer", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path.home() / ".cache" / "rerankd" / "full-size")
    parser.add_argument("--binary", default="build/release/server/rerankd")
    parser.add_argument("--precisions", nargs="+", choices=STORED, default=list(STORED))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--requests", type=int, default=2)
    parser.add_argument("--documents", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--long-text", action="store_true")
    arguments = parser.parse_args()

    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    os.environ["HF_HUB_OFFLINE"] = "1"
    import rerank_rpc
    import workload

    folders = make_folders(arguments.work, arguments.tokenizer, arguments.precisions)
    requests = workload.make(arguments.requests, arguments.documents)
    max_tokens = 8192 if arguments.long_text else 512
    peer = None
    if arguments.rounds > 0:
        import torch
        torch.set_num_threads(arguments.threads)
        peer = Peer(folders[arguments.precisions[0]], max_tokens)
    for precision, folder in folders.items():
        weights = folder / "model.safetensors"
        mib = weights.stat().st_size / 2**20
        with open(weights, "rb") as file:  # into the page cache
            while file.read(1 << 24):
                pass
        server = rerank_rpc.Server(arguments.binary, [
            "--model-path", str(folder), "--model-kind", "cross_encoder", "--model-precision", precision,
            "--model-max-tokens", str(max_tokens)])
        client = rerank_rpc.Client(server.target)

        def ours(query, documents):
            results = client.rerank(query, documents, score_kind=rerank_rpc.pb2.SCORE_KIND_RAW).results
            return {result.index: result.score for result in results}

        def report(when):
            memory = server.memory_mib()
            print(f"{precision}  {when:34s} resident {memory['VmRSS']:6.0f} MiB ({memory['VmRSS'] / mib:.2f} of the weights; "
                  f"{memory['RssAnon']:.0f} not backed by files)   peak {memory['VmHWM']:6.0f} MiB ({memory['VmHWM'] / mib:.2f})",
                  flush=True)

        print(f"{precision}  weights {mib:.0f} MiB, start to serving {server.start_seconds:.2f} s", flush=True)
        report("after the start")
        for query, documents in requests:
            ours(query, documents)
        report(f"after {arguments.requests} requests of {arguments.documents} documents")
        if peer is not None:
            rates, worst = {"transformers fp32": [], "rerankd": []}, 0.0
            for _ in range(arguments.rounds):
                for name, rerank in (("transformers fp32", peer.rerank), ("rerankd", ours)):
                    begin = time.monotonic()
                    scores = [rerank(query, documents) for query, documents in requests]
                    rates[name].append(arguments.requests * arguments.documents / (time.monotonic() - begin))
                    if name == "rerankd":
                        worst = max([worst] + [abs(score - scores_of_peer[row][i]) for row in range(arguments.requests)
                                               for i, score in scores[row].items()])
                    else:
                        scores_of_peer = scores
            for name, values in rates.items():
                print(f"{precision}  {name:18s} {statistics.median(values):6.2f} pairs/s")
            ratios = [a / b for a, b in zip(rates["rerankd"], rates["transformers fp32"])]
            print(f"{precision}  ratio, round by round: " + ", ".join(f"{ratio:.2f}" for ratio in ratios) +
                  f"; largest difference of a logit {worst:.1e}")
        if arguments.long_text:
            ours("a query", ["word " * 9000])
            report("after a text of 8192 tokens")
        server.stop()


if __name__ == "__main__":
    main()
