// The files of a Unigram tokenizer, as untrusted input, to UnigramTokenizer::Options. What is not
// supported is refused by name, never approximated: FAILED_PRECONDITION with `origin` and the
// field.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "tokenizer/tokenizer_json_reader.h"
#include "tokenizer/unigram_tokenizer.h"

namespace rerankd {

// From a tokenizer.json whose model is Unigram. `model_max_length` is left unset.
absl::StatusOr<UnigramTokenizer::Options> ParseUnigramTokenizerJson(TokenizerJson file,
                                                                    std::string_view origin);

// From a SentencePiece model, tokenizer_config.json, special_tokens_map.json and config.json (empty
// objects where they are not there), as transformers' XLMRobertaTokenizer, CamembertTokenizer and
// T5Tokenizer read them. REQUIRES: all are objects.
struct SentencePieceFiles {
  std::string_view model;
  const nlohmann::json& config;
  const nlohmann::json& special_tokens_map;
  const nlohmann::json& model_config;
  std::string_view model_origin;
  std::string_view config_origin;
};
absl::StatusOr<UnigramTokenizer::Options> ParseSentencePieceFiles(const SentencePieceFiles& files);

}  // namespace rerankd
