// rerankctl eval: how good and how fast the models of a server are on a judged set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "evaluation.h"
#include "rerankd/client.h"

namespace rerankd::client {

struct EvalArguments {
  std::string data;
  std::string qrels;
  std::vector<std::string> models;  // empty: the server's default
  uint32_t max_documents = 0;       // of each query; 0: all
  size_t concurrency = 1;
  int relevant = 1;      // the grade from which on MRR counts a document
  std::string run_file;  // empty: none is written
  bool plot = false;
};

// Reads both files. INVALID_ARGUMENT says what is wrong with which, also when no query of one has a
// relevant document in the other.
absl::StatusOr<JudgedSet> LoadJudgedSet(const EvalArguments& arguments);

// Each model once, by the first of the names that were given for it; a name that no model of
// `served` has stays.
std::vector<std::string> DistinctModels(const std::vector<std::string>& names,
                                        const std::vector<Model>& served);

// Sends every query to `model`. A call that the server asks to repeat later is repeated as long as
// `deadline` allows. Progress goes to stderr (ProgressBar), on a terminal on a line of `columns`.
ModelRun EvaluateModel(Client& client, const std::string& model, const JudgedSet& set,
                       size_t concurrency, std::chrono::milliseconds deadline, size_t columns);

// Where the ranking of one model is written: `run_file` when it is the only one, else with
// ".MODEL" behind it ("/" becomes "_").
std::string RunFileOf(const EvalArguments& arguments, const std::string& model);
absl::Status WriteRunFile(const std::string& path, const JudgedSet& set, const ModelRun& run);

std::string EvalTable(const std::vector<EvalRow>& rows);
// A bar for each row's nDCG, as long as `columns` allow for 1.
std::string EvalPlot(const std::vector<EvalRow>& rows, size_t columns);
nlohmann::ordered_json EvalJson(const JudgedSet& set, const std::vector<EvalRow>& rows);

}  // namespace rerankd::client
