#include "tokenizer/added_tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "tokenizer/hf_unicode.h"
#include "tokenizer/utf8_codec.h"
#include "util/utf8.h"

namespace rerankd {
namespace {

constexpr size_t kLongestCharacter = 4;

// In the following `begin` and `end` are copies: the decoding moves them.

bool TouchesWord(std::string_view text, size_t begin, size_t end) {
  if (begin > 0 && hf_unicode::IsWord(PreviousCodePoint(text, begin))) return true;
  return end < text.size() && hf_unicode::IsWord(NextCodePoint(text, end));
}

bool BeginsWithSpace(std::string_view text, size_t begin = 0) {
  return begin < text.size() && hf_unicode::IsWhitespace(NextCodePoint(text, begin));
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(std::vector<Pattern> patterns)
    : patterns_(std::move(patterns)) {
  std::vector<std::pair<std::string_view, int32_t>> entries;
  for (const Pattern& pattern : patterns_) {
    entries.emplace_back(pattern.text, static_cast<int32_t>(entries.size()));
    may_begin_[static_cast<uint8_t>(pattern.text.front())] = true;
    any_lstrip_ = any_lstrip_ || pattern.lstrip;
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
    return Match{begin, position, &pattern};
  }
  return std::nullopt;
}

size_t AddedTokenSplitter::SpaceBegin(std::string_view text, size_t end,
                                      size_t searched_before) const {
  size_t begin = end;
  while (begin > done_) {
    if (begin == searched_before) return std::max(space_, done_);  // do not count a run again
    size_t previous = begin;
    if (!hf_unicode::IsWhitespace(PreviousCodePoint(text, previous))) break;
    begin = previous;
  }
  return begin;
}

AddedTokenSplitter::Part AddedTokenSplitter::Next(std::string_view text, size_t limit,
                                                  bool at_end) {
  while (taking_ && BeginsWithSpace(text, done_)) NextCodePoint(text, done_);
  if (done_ < text.size()) taking_ = false;

  limit = std::min(limit, text.size());
  if (!at_end && !matcher_->empty()) {
    limit = std::min(limit, text.size() - std::min(text.size(), matcher_->lookahead()));
    limit = Utf8FloorBoundary(text, limit);
  }
  const size_t searched_before = searched_;
  const std::optional<AddedTokenMatcher::Match> match = matcher_->FindNext(text, searched_, limit);
  Part part;
  if (match.has_value()) {
    part.end = match->begin;
    if (match->pattern->lstrip) part.end = SpaceBegin(text, part.end, searched_before);
    part.token = match->pattern->id;
  } else {
    part.end = searched_;
    if (matcher_->any_lstrip() && !(at_end && searched_ == text.size())) {
      part.end = space_ = SpaceBegin(text, searched_, searched_before);
    }
  }
  part.begin = done_;
  part.end = std::max(part.end, done_);
  done_ = part.end;
  if (match.has_value()) {
    // Not past it: a token that is white space may begin in what the one before takes.
    done_ = space_ = searched_;
    taking_ = match->pattern->rstrip;
  }
  return part;
}

size_t AddedTokenSplitter::Forgettable(std::string_view text) const {
  const size_t needed = std::min(done_, searched_);
  return Utf8FloorBoundary(text, needed - std::min(needed, kLongestCharacter));
}

void AddedTokenSplitter::Forget(size_t count) {
  done_ -= count;
  searched_ -= count;
  space_ -= std::min(space_, count);
}

size_t PartEnd(std::string_view text, size_t begin, size_t size) {
  if (text.size() - begin <= size) return text.size();
  size_t end = begin + size;
  for (int i = 0; i < 3 && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80; ++i) --end;
  return end;
}

absl::StatusOr<AddedTokenMatchers> MakeAddedTokenMatchers(
    const std::vector<AddedToken>& tokens, size_t vocabulary_size,
    absl::FunctionRef<std::optional<int32_t>(std::string_view)> id_of,
    absl::FunctionRef<std::string(std::string_view)> normalize) {
  AddedTokenMatchers result{.id_bound = vocabulary_size};
  const bool any_rstrip =
      std::any_of(tokens.begin(), tokens.end(), [](const AddedToken& t) { return t.rstrip; });
  std::set<std::string_view> contents;
  std::set<std::string> normalized_texts;
  std::vector<AddedTokenMatcher::Pattern> raw;
  std::vector<AddedTokenMatcher::Pattern> normalized;
  for (const AddedToken& token : tokens) {
    const auto error = [&token](std::string_view problem) {
      return absl::FailedPreconditionError(
          fmt::format("the added token \"{}\" {}", token.content, problem));
    };
    if (token.content.empty()) return error("is empty");
    if (FindInvalidUtf8(token.content).has_value()) return error("is not valid UTF-8");
    if (!contents.insert(token.content).second) return error("is listed twice");
    const std::optional<int32_t> known = id_of(token.content);
    const int32_t id = known.has_value() ? *known : static_cast<int32_t>(result.id_bound++);
    if (token.stated_id.value_or(id) != id) {
      return error(fmt::format("should have the id {} by the vocabulary and its place, not {}", id,
                               *token.stated_id));
    }
    std::string text = token.normalized ? normalize(token.content) : token.content;
    if (text.empty()) return error("is empty once it is normalized");
    if (any_rstrip && token.lstrip && BeginsWithSpace(text)) {
      // Whose white space it is would not be defined.
      return error("has \"lstrip\" and begins with white space, beside one with \"rstrip\"");
    }
    if (token.normalized && !normalized_texts.insert(text).second) {
      return error("is the same as another one once it is normalized");
    }
    (token.normalized ? normalized : raw)
        .push_back({std::move(text), id, token.single_word, token.lstrip, token.rstrip});
  }
  result.raw = AddedTokenMatcher(std::move(raw));
  result.normalized = AddedTokenMatcher(std::move(normalized));
  return result;
}

}  // namespace rerankd
