// The files of a BERT tokenizer, as untrusted input, to WordPieceTokenizer::Options. What is not
// supported is refused by name, never approximated: FAILED_PRECONDITION with `origin` and the
// field.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/status/statusor.h"
#include "tokenizer/wordpiece_tokenizer.h"

namespace rerankd {

// From a tokenizer.json whose model is WordPiece. Its "truncation" and "padding" are ignored: they
// are what was last set on the object that was saved, and both transformers and
// sentence-transformers replace them at each call (but for the side that is cut, which must be the
// right one). `model_max_length` is left unset.
absl::StatusOr<WordPieceTokenizer::Options> ParseBertTokenizerJson(const nlohmann::json& root,
                                                                   std::string_view origin);

// From vocab.txt and tokenizer_config.json (`config`), as transformers' BertTokenizer reads them.
absl::StatusOr<WordPieceTokenizer::Options> ParseBertVocabulary(std::string_view vocab,
                                                                const nlohmann::json& config,
                                                                std::string_view vocab_origin,
                                                                std::string_view config_origin);

// Whether tokenizer_config.json contradicts the normalizer that tokenizer.json asks for. Readers
// differ in whom they believe then (`tokenizers` the latter, transformers the former), so neither
// can be right for everybody.
absl::Status CheckConfigAgrees(const BertNormalizer::Options& normalizer,
                               const nlohmann::json& config, std::string_view config_origin);

}  // namespace rerankd
