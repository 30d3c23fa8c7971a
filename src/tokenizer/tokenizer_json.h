// What every tokenizer.json shares, whatever its model. What is not supported is refused by name,
// never approximated: FAILED_PRECONDITION with `origin` (the file's name) and the field.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/tokenizer.h"

namespace rerankd {

// The model's type; files older than the field have other fields of BPE or WordPiece instead.
// Empty when there is none.
std::string TokenizerModelType(const nlohmann::json& root);

// Refuses unknown sections, another version, and truncation on the left. The rest of "truncation"
// and "padding" is ignored: they are what was last set on the object that was saved, and both
// transformers and sentence-transformers replace them at each call.
absl::Status CheckTokenizerJson(const nlohmann::json& root, std::string_view origin);

// The section at `key`, which must be of the one supported type.
absl::StatusOr<const nlohmann::json*> SectionOfType(const nlohmann::json& root,
                                                    const std::string& key, std::string_view type,
                                                    std::string_view origin);

// The "vocab" of a model, whose index is the id: each from 0 on exactly once.
absl::StatusOr<std::vector<std::string>> ParseVocabulary(const nlohmann::json& vocab,
                                                         std::string_view origin);

// "added_tokens", in the order of the file; empty when there are none.
absl::StatusOr<std::vector<AddedToken>> ParseAddedTokens(const nlohmann::json& root,
                                                         std::string_view origin);

// "post_processor": TemplateProcessing, BertProcessing or RobertaProcessing, alone or in a Sequence
// with a ByteLevel (which only moves offsets).
absl::StatusOr<Tokenizer::Frame> ParsePostProcessor(const nlohmann::json& root,
                                                    std::string_view origin);

// [CLS] query [SEP] document [SEP], and <s> query </s></s> document </s>.
Tokenizer::Frame BertFrame(int32_t cls, int32_t sep);
Tokenizer::Frame RobertaFrame(int32_t cls, int32_t sep);

// Whether the class that tokenizer_config.json names uses the tokenizer.json beside it as it
// stands, whatever else the former says.
absl::StatusOr<bool> TakesTokenizerJsonAsItIs(const nlohmann::json& config,
                                              std::string_view config_origin);

}  // namespace rerankd
