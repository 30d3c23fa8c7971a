#include "tokenizer/split_pattern.h"

#include <array>
#include <utility>

#include "tokenizer/hf_unicode.h"
#include "tokenizer/utf8_codec.h"

// The alternatives of a pattern are tried in its order at each place, and each takes as much as it
// can. Every character is white space, a letter, a number or something else, so that one of them
// matches wherever a word begins:
//   GPT-2                               cl100k
//   's|'t|'re|'ve|'m|'ll|'d             the same in either case
//    ?\p{L}+                            [^\r\n\p{L}\p{N}]?\p{L}+
//    ?\p{N}+                            \p{N}{1,3}
//    ?[^\s\p{L}\p{N}]+                   ?[^\s\p{L}\p{N}]+[\r\n]*
//                                       \s*[\r\n]+
//   \s+(?!\S)|\s+                       \s+(?!\S)|\s+
// The last line leaves the last of several white-space characters to the word that follows.
namespace rerankd {
namespace {

enum class Kind : uint8_t { kSpace, kLetter, kNumber, kOther };

Kind Classify(char32_t c) {
  if (hf_unicode::IsWhitespace(c)) return Kind::kSpace;
  if (hf_unicode::IsLetter(c)) return Kind::kLetter;
  return hf_unicode::IsNumber(c) ? Kind::kNumber : Kind::kOther;
}

const std::array<Kind, 128>& AsciiKinds() {
  static const std::array<Kind, 128> kinds = [] {
    std::array<Kind, 128> result{};
    for (char32_t c = 0; c < result.size(); ++c) result[c] = Classify(c);
    return result;
  }();
  return kinds;
}

bool IsLineBreak(char c) { return c == '\r' || c == '\n'; }

class Scanner {
 public:
  Scanner(std::string_view text, bool at_end)
      : text_(text), at_end_(at_end), ascii_(AsciiKinds()) {}

  WordEnd Gpt2(size_t begin) const {
    if (text_[begin] == '\'') {
      if (const std::optional<WordEnd> word = Contraction(begin, /*any_case=*/false)) return *word;
    }
    size_t next = begin;
    Kind kind = Next(next);
    if (text_[begin] == ' ') {
      if (next == text_.size()) return {next, at_end_};
      kind = KindAt(next);
    }
    if (kind == Kind::kSpace) return Spaces(begin, /*up_to_line_break=*/false);
    return Open(SkipRun(kind, next));
  }

  WordEnd Cl100k(size_t begin, size_t max_digits) const {
    const char first = text_[begin];
    if (first == '\'') {
      if (const std::optional<WordEnd> word = Contraction(begin, /*any_case=*/true)) return *word;
    }
    size_t next = begin;
    const Kind kind = Next(next);
    if (kind == Kind::kLetter) return Open(SkipRun(kind, next));
    if (kind == Kind::kNumber) {
      size_t digits = 1;
      while (digits < max_digits && next < text_.size() && KindAt(next) == Kind::kNumber) {
        Next(next);
        ++digits;
      }
      return digits == max_digits ? WordEnd{next} : Open(next);
    }
    if (!IsLineBreak(first)) {
      if (next == text_.size() && !at_end_) return {next, false};
      if (next < text_.size()) {
        const Kind second = KindAt(next);
        if (second == Kind::kLetter) return Open(SkipRun(second, next));
        if (first == ' ' && second == Kind::kOther) return Symbols(next);
      }
    }
    return kind == Kind::kOther ? Symbols(next) : Spaces(begin, /*up_to_line_break=*/true);
  }

 private:
  Kind Next(size_t& position) const {
    const auto byte = static_cast<uint8_t>(text_[position]);
    if (byte >= 0x80) return Classify(NextCodePoint(text_, position));
    ++position;
    return ascii_[byte];
  }
  Kind KindAt(size_t position) const { return Next(position); }

  // The end of the characters of one kind that begin at `position`.
  size_t SkipRun(Kind kind, size_t position) const {
    while (position < text_.size()) {
      const size_t before = position;
      if (Next(position) != kind) return before;
    }
    return position;
  }

  // A word that goes on as long as its last characters do.
  WordEnd Open(size_t end) const { return {end, at_end_ || end < text_.size()}; }

  // [^\s\p{L}\p{N}]+[\r\n]*
  WordEnd Symbols(size_t position) const {
    position = SkipRun(Kind::kOther, position);
    while (position < text_.size() && IsLineBreak(text_[position])) ++position;
    return Open(position);
  }

  WordEnd Spaces(size_t begin, bool up_to_line_break) const {
    size_t last = begin;  // where the last character of the run begins
    size_t after_line_break = 0;
    size_t end = begin;
    while (end < text_.size()) {
      const size_t before = end;
      if (Next(end) != Kind::kSpace) {
        end = before;
        break;
      }
      last = before;
      if (IsLineBreak(text_[before])) after_line_break = end;
    }
    const bool ends = at_end_ || end < text_.size();
    if (up_to_line_break && after_line_break > 0) return {after_line_break, ends};
    if (end == text_.size()) return at_end_ ? WordEnd{end} : WordEnd{last, false};
    return {last == begin ? end : last};
  }

  // One of 's 't 're 've 'm 'll 'd, or not enough text to tell; nullopt when it is something else.
  std::optional<WordEnd> Contraction(size_t begin, bool any_case) const {
    static constexpr std::string_view kEndings[] = {"s", "t", "re", "ve", "m", "ll", "d"};
    const std::string_view rest = text_.substr(begin + 1);
    for (const std::string_view ending : kEndings) {
      size_t same = 0;
      while (same < ending.size() && same < rest.size() &&
             (rest[same] == ending[same] || (any_case && rest[same] == ending[same] - 'a' + 'A'))) {
        ++same;
      }
      if (same == ending.size()) return WordEnd{begin + 1 + same};
      if (same == rest.size() && !at_end_) return WordEnd{begin + 1, false};
    }
    // U+017F, the long s, is an "s" when case does not matter.
    if (any_case && rest.starts_with("\u017F")) return WordEnd{begin + 3};
    return std::nullopt;
  }

  std::string_view text_;
  bool at_end_;
  const std::array<Kind, 128>& ascii_;
};

}  // namespace

std::optional<SplitPattern> SplitPatternOf(std::string_view regex) {
  static constexpr std::pair<std::string_view, SplitPattern> kPatterns[] = {
      {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
       SplitPattern::kGpt2},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
       R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       SplitPattern::kCl100k},
      {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
       R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
       SplitPattern::kSingleDigits},
  };
  for (const auto& [text, pattern] : kPatterns) {
    if (text == regex) return pattern;
  }
  return std::nullopt;
}

WordEnd FindWordEnd(SplitPattern pattern, std::string_view text, size_t begin, bool at_end) {
  const Scanner scanner(text, at_end);
  switch (pattern) {
    case SplitPattern::kNone:
      break;
    case SplitPattern::kGpt2:
      return scanner.Gpt2(begin);
    case SplitPattern::kCl100k:
      return scanner.Cl100k(begin, 3);
    case SplitPattern::kSingleDigits:
      return scanner.Cl100k(begin, 1);
  }
  return {text.size(), at_end};
}

}  // namespace rerankd
