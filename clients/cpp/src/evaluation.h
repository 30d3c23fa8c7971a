// Sending a judged set through models, and what comes of it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "judged_set.h"
#include "rerankd/client.h"

namespace rerankd::client {

struct JudgedSet {
  std::vector<JudgedQuery> queries;
  std::unordered_map<std::string, Grades> judgments;
};

// The order that one model, or the first stage, gave to one query's documents.
struct Ranking {
  std::vector<std::string> document_ids;  // best first
  std::vector<float> scores;
  double milliseconds = 0;  // until the answer was there
};

// All queries through one model.
struct ModelRun {
  std::string model;                             // as the answers name it
  std::vector<std::optional<Ranking>> rankings;  // of each query; nullopt: the call failed
  size_t errors = 0;                             // queries without a ranking
  absl::Status first_error;
};

// One call. Called by several threads at a time.
using RerankCall = std::function<absl::StatusOr<RerankAnswer>(const JudgedQuery&)>;

// Sends every query, `concurrency` at a time, and blocks until all are answered. When the error is
// one that the other queries would get too (no such model, no server), they are not sent and count
// as errors. `on_progress` is called with the number of queries done, by one thread at a time.
// REQUIRES: concurrency > 0.
ModelRun RunQueries(const std::vector<JudgedQuery>& queries, size_t concurrency,
                    const RerankCall& call, const std::function<void(size_t done)>& on_progress);

// The documents as they were given.
ModelRun AsGiven(const std::vector<JudgedQuery>& queries);

// One line of the result. A mean is over the queries that have an answer and a relevant document
// among the judged ones; nullopt when there are none.
struct EvalRow {
  std::string model;
  std::optional<double> ndcg;             // at 10
  std::optional<double> reciprocal_rank;  // at 10, mean
  std::optional<double> p50_milliseconds;
  std::optional<double> p99_milliseconds;
  size_t errors = 0;
};
EvalRow Evaluate(const JudgedSet& set, const ModelRun& run, int relevant);

// How many queries have a judged document with a grade above 0.
size_t CountJudged(const JudgedSet& set);

// As trec_eval reads it: "qid Q0 docid rank score model" for each document of each ranking.
void WriteRun(const std::vector<JudgedQuery>& queries, const ModelRun& run, std::ostream& out);

}  // namespace rerankd::client
