// SentencePiece's Unigram model as Hugging Face `tokenizers` runs it: normalization, splitting at
// white space, the most probable way to cut each word into pieces. Ids equal theirs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/byte_trie.h"
#include "tokenizer/text_normalizer.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/unigram_piece.h"

namespace rerankd {

// A text flows through in parts of a few kilobytes and stops once there are enough tokens:
//   raw text -> added tokens cut it into stretches -> normalizer -> added tokens that are looked
//   for in normalized text -> words -> pieces (Viterbi) -> ids
// Also a long word flows: what all ways to cut it that may still win have in common is final.
class UnigramTokenizer final : public Tokenizer {
 public:
  // Marks where words begin: each space becomes `mark`.
  struct Metaspace {
    enum class Prepend { kAlways, kFirst, kNever };  // a mark before the first character
    std::string mark = "\u2581";                     // one character
    Prepend prepend = Prepend::kAlways;
    bool split = true;  // each mark begins a word
  };
  struct Options {
    std::vector<UnigramPiece> pieces;  // the index is the id
    int32_t unknown_id = 0;
    // Unknown characters become the pieces <0x00> to <0xFF> of their bytes, where there are those.
    bool byte_fallback = false;
    TextNormalizer normalizer;
    bool split_at_white_space = false;  // before Metaspace; the white space is dropped
    std::optional<Metaspace> metaspace;
    std::vector<AddedToken> added_tokens;  // in the order of the file
    Frame frame;
    size_t model_max_length = std::numeric_limits<size_t>::max();
  };

  // FAILED_PRECONDITION, beginning with `origin`, when the parts do not fit together.
  static absl::StatusOr<std::unique_ptr<UnigramTokenizer>> Create(Options options,
                                                                  std::string_view origin);

  TokenizedText Tokenize(std::string_view text, size_t max_tokens) const override;
  const Frame& frame() const override { return frame_; }
  size_t model_max_length() const override { return model_max_length_; }
  size_t id_bound() const override { return added_.id_bound; }

 private:
  class Run;  // one text on its way through

  explicit UnigramTokenizer(Options& options);

  ByteTrie pieces_;
  std::vector<double> scores_;  // by id
  size_t longest_piece_ = 0;    // in bytes
  double unknown_score_ = 0;    // of each unknown character
  int32_t unknown_id_;
  bool byte_fallback_;
  std::array<int32_t, 256> byte_ids_{};  // -1: there is no such piece
  bool every_byte_is_a_piece_ = false;
  TextNormalizer normalizer_;
  bool split_at_white_space_;
  std::optional<Metaspace> metaspace_;
  AddedTokenMatchers added_;
  Frame frame_;
  size_t model_max_length_;
};

}  // namespace rerankd
