// The tokenizer of GPT-2 and RoBERTa: words by a pattern, and byte pair encoding of their bytes.
// Ids equal those of Hugging Face `tokenizers` (ByteLevel, Split, BPE).
#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe_model.h"
#include "tokenizer/split_pattern.h"
#include "tokenizer/tokenizer.h"

namespace rerankd {

// A text flows through in parts of a few kilobytes and stops once there are enough tokens:
//   raw text -> added tokens cut it into pieces -> normalizer -> added tokens that are looked for
//   in normalized text -> words -> byte pair encoding -> ids
class ByteLevelBpeTokenizer final : public Tokenizer {
 public:
  struct Options {
    BpeModel::Options model;
    SplitPattern pattern = SplitPattern::kGpt2;
    bool nfc = false;                      // the normalizer
    bool add_prefix_space = false;         // before a piece that does not begin with a space
    std::vector<AddedToken> added_tokens;  // in the order of the file
    Frame frame;
    size_t model_max_length = std::numeric_limits<size_t>::max();
  };

  // FAILED_PRECONDITION, beginning with `origin`, when the parts do not fit together.
  static absl::StatusOr<std::unique_ptr<ByteLevelBpeTokenizer>> Create(Options options,
                                                                       std::string_view origin);

  TokenizedText Tokenize(std::string_view text, size_t max_tokens) const override;
  const Frame& frame() const override { return frame_; }
  size_t model_max_length() const override { return model_max_length_; }
  size_t id_bound() const override { return added_.id_bound; }

 private:
  class Run;  // one text on its way through

  ByteLevelBpeTokenizer(BpeModel model, AddedTokenMatchers added, Options& options);

  BpeModel model_;
  AddedTokenMatchers added_;
  SplitPattern pattern_;
  bool nfc_;
  bool add_prefix_space_;
  Frame frame_;
  size_t model_max_length_;
};

}  // namespace rerankd
