// Tokens that are found in a text as they stand, before it is split into words.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/byte_trie.h"

namespace rerankd {

// An entry of "added_tokens", for example "[SEP]".
struct AddedToken {
  std::string content;
  // As the file states it; checked against the id that the order of the file gives.
  std::optional<int64_t> stated_id;
  bool single_word = false;  // only where no word character touches it
  bool normalized = false;   // looked for, normalized, in the normalized text; else in the raw text
  // There are no members for "lstrip" and "rstrip": they say which white space a match swallows,
  // and white space yields no tokens here. Nor for "special", which matters for decoding only.
};

// Finds the leftmost, and there the longest, of a set of strings. Immutable, safe for concurrent
// use.
class AddedTokenMatcher {
 public:
  struct Pattern {
    std::string text;  // not empty
    int32_t id = 0;
    bool single_word = false;
  };
  struct Match {
    size_t begin = 0;
    size_t end = 0;
    int32_t id = 0;
  };

  AddedTokenMatcher() = default;
  // REQUIRES: no text twice.
  explicit AddedTokenMatcher(std::vector<Pattern> patterns);

  // The first match that begins in [position, limit); it may end past `limit`. `position` moves to
  // its end, or to where the search goes on when there is none: `limit`, or later when a word that
  // merely contains a single_word token crosses it.
  std::optional<Match> FindNext(std::string_view text, size_t& position, size_t limit) const;

  bool empty() const { return patterns_.empty(); }
  // How much of a text past a match's beginning FindNext may look at.
  size_t lookahead() const { return lookahead_; }

 private:
  std::vector<Pattern> patterns_;
  ByteTrie trie_;  // to the index in patterns_
  std::array<bool, 256> may_begin_{};
  size_t lookahead_ = 0;
};

}  // namespace rerankd
