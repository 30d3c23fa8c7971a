// The files of a byte-level BPE tokenizer, as untrusted input, to ByteLevelBpeTokenizer::Options.
// What is not supported is refused by name, never approximated: FAILED_PRECONDITION with `origin`
// and the field.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "tokenizer/byte_level_bpe_tokenizer.h"

namespace rerankd {

// From a tokenizer.json whose model is BPE. `model_max_length` is left unset.
absl::StatusOr<ByteLevelBpeTokenizer::Options> ParseByteLevelBpeJson(const nlohmann::json& root,
                                                                     std::string_view origin);

// From vocab.json, merges.txt and what stands beside them, as transformers' RobertaTokenizer reads
// them. REQUIRES: `config` is an object (empty when there is no tokenizer_config.json).
struct RobertaVocabularyFiles {
  std::string_view vocab;
  std::string_view merges;
  const nlohmann::json& config;
  const std::optional<std::string>& special_tokens_map;
  const std::optional<std::string>& added_tokens;
  std::string vocab_origin;
  std::string merges_origin;
  std::string config_origin;
  std::string special_tokens_map_origin;
  std::string added_tokens_origin;
};
absl::StatusOr<ByteLevelBpeTokenizer::Options> ParseRobertaVocabulary(
    const RobertaVocabularyFiles& files);

// Whether tokenizer_config.json contradicts tokenizer.json, which its readers do not agree about.
absl::Status CheckConfigAgrees(const ByteLevelBpeTokenizer::Options& options,
                               const nlohmann::json& config, std::string_view config_origin);

}  // namespace rerankd
