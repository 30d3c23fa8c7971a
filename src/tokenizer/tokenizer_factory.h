// Which tokenizer a model folder asks for.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "tokenizer/tokenizer.h"

namespace rerankd {

// Reads tokenizer.json (preferred: it decides, and what stands beside it must not say otherwise),
// or a SentencePiece model, or vocab.txt, or vocab.json with merges.txt, with tokenizer_config.json
// beside them. What is not supported is refused by name, never approximated. FAILED_PRECONDITION or
// NOT_FOUND name the file and the field.
absl::StatusOr<std::unique_ptr<Tokenizer>> LoadTokenizer(const std::filesystem::path& folder);

// What LoadTokenizer reads: the content of the files that are there. They need not be well-formed.
struct TokenizerFiles {
  std::filesystem::path folder;  // for messages
  std::optional<std::string> tokenizer_json;
  std::optional<std::string> tokenizer_config;
  std::optional<std::string> vocab;  // vocab.txt
  std::optional<std::string> vocab_json;
  std::optional<std::string> merges;              // merges.txt
  std::optional<std::string> special_tokens_map;  // this and added_tokens.json: of old versions
  std::optional<std::string> added_tokens;
  std::optional<std::string> sentencepiece;  // sentencepiece.bpe.model, spiece.model, spm.model
  std::string sentencepiece_name = "sentencepiece.bpe.model";
  std::optional<std::string> model_config;  // config.json, read beside a SentencePiece model only
};
absl::StatusOr<std::unique_ptr<Tokenizer>> MakeTokenizer(const TokenizerFiles& files);

}  // namespace rerankd
