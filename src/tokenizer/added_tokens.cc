#include "tokenizer/added_tokens.h"

#include <algorithm>
#include <utility>

#include "tokenizer/hf_unicode.h"
#include "tokenizer/utf8_codec.h"

namespace rerankd {
namespace {

constexpr size_t kLongestCharacter = 4;

bool TouchesWord(std::string_view text, size_t begin, size_t end) {
  // `begin` and `end` are copies: the decoding moves them.
  if (begin > 0 && hf_unicode::IsWord(PreviousCodePoint(text, begin))) return true;
  return end < text.size() && hf_unicode::IsWord(NextCodePoint(text, end));
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(std::vector<Pattern> patterns)
    : patterns_(std::move(patterns)) {
  std::vector<std::pair<std::string_view, int32_t>> entries;
  for (const Pattern& pattern : patterns_) {
    entries.emplace_back(pattern.text, static_cast<int32_t>(entries.size()));
    may_begin_[static_cast<uint8_t>(pattern.text.front())] = true;
    lookahead_ = std::max(lookahead_, pattern.text.size() + kLongestCharacter);
  }
  trie_ = ByteTrie(std::move(entries));
}

std::optional<AddedTokenMatcher::Match> AddedTokenMatcher::FindNext(std::string_view text,
                                                                    size_t& position,
                                                                    size_t limit) const {
  if (empty()) {
    position = std::max(position, limit);
    return std::nullopt;
  }
  while (position < limit) {
    if (!may_begin_[static_cast<uint8_t>(text[position])]) {
      ++position;
      continue;
    }
    const ByteTrie::Match found = trie_.LongestPrefix(text.substr(position));
    if (found.length == 0) {
      ++position;
      continue;
    }
    const size_t begin = position;
    position += found.length;
    const Pattern& pattern = patterns_[found.value];
    // A discarded match still hides what begins inside it.
    if (pattern.single_word && TouchesWord(text, begin, position)) continue;
    return Match{begin, position, pattern.id};
  }
  return std::nullopt;
}

}  // namespace rerankd
