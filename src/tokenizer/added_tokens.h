// Tokens that are found in a text as they stand, before it is split into words.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "tokenizer/byte_trie.h"

namespace rerankd {

// An entry of "added_tokens", for example "[SEP]".
struct AddedToken {
  std::string content;
  // As the file states it; checked against the id that the order of the file gives.
  std::optional<int64_t> stated_id;
  bool single_word = false;  // only where no word character touches it
  bool lstrip = false;       // takes the white space on its left
  bool rstrip = false;       // takes the white space on its right
  bool normalized = false;   // looked for, normalized, in the normalized text; else in the raw text
  // There is no member for "special", which matters for decoding only.
};

// Finds the leftmost, and there the longest, of a set of strings. Immutable, safe for concurrent
// use.
class AddedTokenMatcher {
 public:
  struct Pattern {
    std::string text;  // not empty
    int32_t id = 0;
    bool single_word = false;
    bool lstrip = false;
    bool rstrip = false;
  };
  struct Match {
    size_t begin = 0;  // of the text itself, without white space that it takes
    size_t end = 0;
    const Pattern* pattern = nullptr;
  };

  AddedTokenMatcher() = default;
  // REQUIRES: no text twice.
  explicit AddedTokenMatcher(std::vector<Pattern> patterns);

  // The first match that begins in [position, limit); it may end past `limit`. `position` moves to
  // its end, or to where the search goes on when there is none: `limit`, or later when a word that
  // merely contains a single_word token crosses it.
  std::optional<Match> FindNext(std::string_view text, size_t& position, size_t limit) const;

  bool empty() const { return patterns_.empty(); }
  bool any_lstrip() const { return any_lstrip_; }
  // How much of a text past a match's beginning FindNext may look at.
  size_t lookahead() const { return lookahead_; }

 private:
  std::vector<Pattern> patterns_;
  ByteTrie trie_;  // to the index in patterns_
  std::array<bool, 256> may_begin_{};
  bool any_lstrip_ = false;
  size_t lookahead_ = 0;
};

// Cuts one text, which may still grow at its end, into added tokens and the stretches between them.
// Holds positions only: the text is the caller's and comes with each call.
class AddedTokenSplitter {
 public:
  // The next [begin, end) of a stretch, possibly empty. With a token, the stretch ends here and the
  // token follows; the next part then begins behind it.
  struct Part {
    size_t begin = 0;
    size_t end = 0;
    std::optional<int32_t> token;
  };

  // REQUIRES: `matcher` outlives this.
  explicit AddedTokenSplitter(const AddedTokenMatcher& matcher) : matcher_(&matcher) {}

  // Searches up to `limit`, or less far when !at_end and a longer text could change the answer.
  // White space that a later token could take is held back. There is no more once a part without a
  // token was returned and searched() is where the text ends.
  // REQUIRES: `text` has what it had at the last call; `limit` is between two characters.
  Part Next(std::string_view text, size_t limit, bool at_end);

  size_t searched() const { return searched_; }  // no token begins before
  // How much of the text's beginning is needed no more: not even the character before, which a
  // single_word token looks at.
  size_t Forgettable(std::string_view text) const;
  // The caller drops the first `count` bytes of the text. REQUIRES: count <= Forgettable().
  void Forget(size_t count);

 private:
  // Where the white space that ends at `end` begins, if that is past done_.
  size_t SpaceBegin(std::string_view text, size_t end, size_t searched_before) const;

  const AddedTokenMatcher* matcher_;
  size_t done_ = 0;  // before it all is returned, a token or taken white space
  size_t searched_ = 0;
  size_t space_ = 0;     // the white space before searched_ begins here
  bool taking_ = false;  // the white space at done_ belongs to the token before it
};

// The end of a part of `text` that begins at `begin`: about `size` bytes on, between two
// characters.
size_t PartEnd(std::string_view text, size_t begin, size_t size);

// Takes a raw text through `sink` in parts of a few kilobytes, until the sink is done():
// Append(part) for what lies between two tokens, EndStretch() where a stretch that had an Append()
// ends, Emit(id) for each token.
template <typename Sink>
void SplitAtAddedTokens(const AddedTokenMatcher& matcher, std::string_view text, Sink& sink) {
  // Enough for the tokens of a short sequence, little to throw away.
  constexpr size_t kPartBytes = 2048;
  AddedTokenSplitter splitter(matcher);
  bool open = false;
  while (!sink.done()) {
    const size_t limit = PartEnd(text, splitter.searched(), kPartBytes);
    const AddedTokenSplitter::Part part = splitter.Next(text, limit, /*at_end=*/true);
    if (part.begin < part.end) {
      sink.Append(text.substr(part.begin, part.end - part.begin));
      open = true;
    }
    const bool ended = !part.token.has_value() && splitter.searched() == text.size();
    if (open && (part.token.has_value() || ended)) {
      sink.EndStretch();
      open = false;
    }
    if (part.token.has_value()) sink.Emit(*part.token);
    if (ended) return;
  }
}

// Both kinds of added tokens of a tokenizer, and one more than the largest id with them.
struct AddedTokenMatchers {
  AddedTokenMatcher raw;
  AddedTokenMatcher normalized;
  size_t id_bound = 0;
};
// A token has the id that `id_of` finds in the vocabulary, or the next one after it in the order of
// `tokens`. FAILED_PRECONDITION names the token.
absl::StatusOr<AddedTokenMatchers> MakeAddedTokenMatchers(
    const std::vector<AddedToken>& tokens, size_t vocabulary_size,
    absl::FunctionRef<std::optional<int32_t>(std::string_view)> id_of,
    absl::FunctionRef<std::string(std::string_view)> normalize);

}  // namespace rerankd
