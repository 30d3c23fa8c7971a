// A rerank API as data: where a call goes, how it is spelled, where its answer has what. One file
// in providers/dialects is one of these; DialectProvider does what they say.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/types.h"

namespace rerankd {

// "…_at" is a JSON pointer into the body ("/parameters/top_n"); an empty one: there is no such
// field, and an option that needs it is refused. In answers, of several places the first that is
// there counts.
struct Dialect {
  std::string name;  // as a model entry's kind names it

  // ---- where a call goes ----
  // The provider's own; empty: the entry has to give one.
  std::string base_url;
  std::vector<std::string> base_url_variables;  // that its own SDK reads
  // Keys that begin so go to another address than base_url.
  struct KeyHost {
    std::string prefix;
    std::string base_url;
  };
  std::vector<KeyHost> key_hosts;
  std::string path;      // {model} stands for the model's name
  std::string own_path;  // below the provider's own base_url; empty: path
  // The model's name as a path has it; null: as it is.
  std::string (*model_in_path)(std::string_view model) = nullptr;
  std::vector<std::pair<std::string, std::string>> headers;

  // ---- its key ----
  std::string key_header = "Authorization";
  std::string key_prefix = "Bearer ";
  // Where customers are used to have it, in the order in which they are looked at.
  struct KeyVariable {
    std::string name;
    bool names_file = false;  // the variable has the path of a file with the key
  };
  std::vector<KeyVariable> key_variables;

  // ---- the request ----
  std::string model_at = "/model";
  std::string example_model;  // a name for messages; empty: the entry may leave the model out
  std::string query_at = "/query";
  std::string documents_at = "/documents";
  bool wraps_query = false;  // {"text": …} in place of a plain string
  bool wraps_documents = false;
  bool repeats_query = false;  // a list of queries, one for each document
  std::string top_at;          // else the answer is cut here
  nlohmann::ordered_json constants = nlohmann::ordered_json::object();  // in every body
  struct Truncation {
    std::string at;
    nlohmann::ordered_json cut;     // what asks to cut texts that are too long; null: not sent
    nlohmann::ordered_json refuse;  // what asks to refuse them
  };
  std::optional<Truncation> truncation;  // unset: the provider does as it likes
  std::string max_tokens_per_doc_at;
  std::string priority_at;
  std::string instruction_at;
  std::string raw_scores_at;  // true: raw scores; false: their sigmoid

  // ---- the answer ----
  std::vector<std::string> results_at = {"/results"};
  std::string index = "index";  // empty: results are bare scores, in the order of the documents
  std::vector<std::string> score = {"relevance_score"};
  ScoreKind score_kind = ScoreKind::kProvider;
  std::vector<std::string> total_tokens_at = {"/usage/total_tokens"};
  std::vector<std::string> billed_units_at;
  std::string tokens_header;

  // ---- limits ----
  size_t max_documents = 0;  // of one call; 0: none is known
};

}  // namespace rerankd
