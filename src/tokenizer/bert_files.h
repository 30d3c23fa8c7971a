// The files of a BERT tokenizer, as untrusted input, to WordPieceTokenizer::Options. What is not
// supported is refused by name, never approximated: FAILED_PRECONDITION with `origin` and the
// field.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/status/statusor.h"
#include "tokenizer/wordpiece_tokenizer.h"

namespace rerankd {

// From a tokenizer.json whose model is WordPiece. `model_max_length` is left unset.
absl::StatusOr<WordPieceTokenizer::Options> ParseBertTokenizerJson(const nlohmann::json& root,
                                                                   std::string_view origin);

// From vocab.txt, tokenizer_config.json and special_tokens_map.json (an empty object when it is not
// there), as transformers' BertTokenizer reads them. REQUIRES: both are objects.
struct BertVocabularyFiles {
  std::string_view vocab;
  const nlohmann::json& config;
  const nlohmann::json& special_tokens_map;
  std::string_view vocab_origin;
  std::string_view config_origin;
  std::string_view special_tokens_map_origin;
};
absl::StatusOr<WordPieceTokenizer::Options> ParseBertVocabulary(const BertVocabularyFiles& files);

// Whether tokenizer_config.json contradicts the normalizer that tokenizer.json asks for. Readers
// differ in whom they believe then (`tokenizers` the latter, transformers the former), so neither
// can be right for everybody.
absl::Status CheckConfigAgrees(const BertNormalizer::Options& normalizer,
                               const nlohmann::json& config, std::string_view config_origin);

}  // namespace rerankd
