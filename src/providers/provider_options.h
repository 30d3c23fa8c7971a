// What a model entry says about the hosted model that it stands for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "core/types.h"

namespace rerankd {

// What a provider cannot do is refused when it is made (MakeProvider), not ignored.
struct ProviderOptions {
  std::string kind;      // one of ProviderKinds(): "voyage"
  std::string model;     // as the provider calls it: "rerank-2.5"
  std::string base_url;  // where calls go, without the path of the call; empty: the provider's own
  bool allow_http = false;  // also to other machines than this one

  // Where the key is; what is named here is the only place that is looked at (see KeySource).
  std::filesystem::path api_key_file;
  std::string api_key_env;
  bool caller_key = false;  // a call may bring a key of its own

  // For requests that do not say.
  Truncation truncation = Truncation::kOnlyDocument;
  std::optional<ScoreKind> score_kind;  // unset: what the provider gives

  // Sent with every call.
  size_t max_tokens_per_doc = 0;    // after which a document is cut; 0: the provider's own
  std::optional<int64_t> priority;  // Cohere's: 0 is the most urgent
  std::string instruction;          // what the model is told to look for
  std::string query_prompt;         // comes before each query
  std::string document_prompt;      // comes before each document
  std::string extra_body;           // a JSON object whose members go into every request

  size_t max_documents = 0;  // of one call to the provider; 0: the limit that is known
};

}  // namespace rerankd
