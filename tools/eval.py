#!/usr/bin/env python3
"""nDCG@10 of a running rerankd on a judged set, every query sent through gRPC.

  eval.py --set FOLDER/NAME [--target 127.0.0.1:50051] [--model NAME]

FOLDER/NAME.jsonl: a query a line, {"qid", "query", "docs": [[docid, text, first-stage score], ...]}, best first.
FOLDER/NAME.qrels: "qid 0 docid grade". Gain is the grade, discount log2(rank + 1), the ideal order is over all judged
documents of the query (as trec_eval's ndcg_cut); queries without a relevant document are left out.
"""
import argparse
import json
import math
import statistics
import time

import rerank_rpc


def ndcg(ranking, grades, k=10):
    def dcg(gains):
        return sum(max(gain, 0) / math.log2(rank + 2) for rank, gain in enumerate(gains[:k]))

    ideal = dcg(sorted(grades.values(), reverse=True))
    return dcg([grades.get(docid, 0) for docid in ranking]) / ideal if ideal > 0 else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", required=True, help="FOLDER/NAME of NAME.jsonl and NAME.qrels")
    parser.add_argument("--target", default="127.0.0.1:50051")
    parser.add_argument("--model", default="")
    arguments = parser.parse_args()

    grades = {}
    with open(arguments.set + ".qrels", encoding="utf-8") as lines:
        for line in lines:
            qid, _, docid, grade = line.split()
            grades.setdefault(qid, {})[docid] = int(grade)
    client = rerank_rpc.Client(arguments.target)
    first, ours, milliseconds = [], [], []
    with open(arguments.set + ".jsonl", encoding="utf-8") as lines:
        for query in map(json.loads, lines):
            docids = [doc[0] for doc in query["docs"]]
            begin = time.monotonic()
            response = client.rerank(query["query"], [doc[1] for doc in query["docs"]], model=arguments.model)
            milliseconds.append((time.monotonic() - begin) * 1000)
            ranking = [docids[result.index] for result in response.results]
            assert sorted(ranking) == sorted(docids), "the answer does not hold every document once"
            before = ndcg(docids, grades.get(query["qid"], {}))
            if before is not None:
                first.append(before)
                ours.append(ndcg(ranking, grades[query["qid"]]))
    print(f"{arguments.set}: {len(ours)} queries, model {response.model}")
    print(f"nDCG@10  first stage {statistics.mean(first):.4f}  reranked {statistics.mean(ours):.4f}")
    print(f"ms a query  p50 {statistics.median(milliseconds):.0f}  max {max(milliseconds):.0f}")


if __name__ == "__main__":
    main()
