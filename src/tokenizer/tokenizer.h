// Text to token ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace rerankd {

// The ids of one text, without the special tokens that frame a sequence.
struct TokenizedText {
  std::vector<int32_t> ids;
  bool complete = true;  // false: the text has more tokens than were asked for
};

// Implementations are immutable and safe for concurrent use.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // The first `max_tokens` ids of `text`. What comes later is not looked at beyond learning whether
  // there is more. So work is bounded by `max_tokens`, but for stretches that are read to their
  // end, in time proportional to their length:
  //   - what becomes one token at most, however long: white space, characters that normalization
  //     removes, and what is one unknown token (a word of too many characters for WordPiece, a run
  //     of unknown characters for Unigram);
  //   - a run of combining marks, which normalization may put in another order;
  //   - a word of Unigram in which the best way to cut the beginning depends on the end, as in one
  //     letter repeated.
  // REQUIRES: `text` is valid UTF-8.
  virtual TokenizedText Tokenize(std::string_view text,
                                 size_t max_tokens = std::numeric_limits<size_t>::max()) const = 0;

  // How sequences are framed: [CLS] query [SEP] document [SEP] for BERT.
  struct Frame {
    std::vector<int32_t> prefix;         // before the query (or the only text)
    std::vector<int32_t> separator;      // between query and document
    std::vector<int32_t> suffix;         // after the document
    std::vector<int32_t> single_suffix;  // after the only text
    int32_t document_type_id = 0;        // of the document's tokens and the suffix; the rest is 0

    // FAILED_PRECONDITION when an id is not in [0, id_bound).
    absl::Status CheckIds(size_t id_bound) const;
  };
  virtual const Frame& frame() const = 0;

  // The longest sequence the tokenizer's own files allow (special tokens included); max() when
  // they name no limit.
  virtual size_t model_max_length() const = 0;
  // One more than the largest id that Tokenize() or frame() can yield.
  virtual size_t id_bound() const = 0;
};

}  // namespace rerankd
