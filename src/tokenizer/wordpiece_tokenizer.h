// BERT's tokenizer: normalization, splitting into words, WordPiece. Ids equal those of Hugging Face
// `tokenizers` (BertNormalizer, BertPreTokenizer, WordPiece).
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/bert_normalizer.h"
#include "tokenizer/byte_trie.h"
#include "tokenizer/tokenizer.h"

namespace rerankd {

// A text flows through in parts of a few kilobytes and stops once there are enough tokens:
//   raw text -> added tokens cut it into pieces -> normalizer -> added tokens that are looked for
//   in normalized text -> words (between white space; punctuation stands alone) -> WordPiece -> ids
class WordPieceTokenizer final : public Tokenizer {
 public:
  struct Options {
    std::vector<std::string> vocabulary;  // the index is the id
    std::string unknown_token = "[UNK]";
    std::string continuing_prefix = "##";
    size_t max_word_chars = 100;  // a longer word is one unknown token
    BertNormalizer::Options normalizer;
    std::vector<AddedToken> added_tokens;  // in the order of the file
    Frame frame;
    size_t model_max_length = std::numeric_limits<size_t>::max();
  };

  // FAILED_PRECONDITION, beginning with `origin`, when the parts do not fit together.
  static absl::StatusOr<std::unique_ptr<WordPieceTokenizer>> Create(Options options,
                                                                    std::string_view origin);

  TokenizedText Tokenize(std::string_view text, size_t max_tokens) const override;
  const Frame& frame() const override { return frame_; }
  size_t model_max_length() const override { return model_max_length_; }
  size_t id_bound() const override { return added_.id_bound; }

 private:
  class Run;  // one text on its way through

  explicit WordPieceTokenizer(Options& options);

  BertNormalizer normalizer_;
  AddedTokenMatchers added_;
  ByteTrie word_begins_;         // vocabulary by its strings
  ByteTrie word_continuations_;  // what follows the continuing prefix
  int32_t unknown_id_ = 0;
  size_t max_word_chars_;
  Frame frame_;
  size_t model_max_length_;
};

}  // namespace rerankd
