#include "tokenizer/wordpiece_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "tokenizer/hf_unicode.h"
#include "tokenizer/utf8_codec.h"
#include "util/utf8.h"

namespace rerankd {
namespace {

// Raw text handled at a time: enough for the tokens of a short sequence, little to throw away.
constexpr size_t kPartBytes = 2048;

enum class CharClass : uint8_t { kWord, kSpace, kPunctuation };

CharClass Classify(char32_t c) {
  if (hf_unicode::IsWhitespace(c)) return CharClass::kSpace;
  return hf_unicode::IsPunctuation(c) ? CharClass::kPunctuation : CharClass::kWord;
}

const std::array<CharClass, 128>& AsciiClasses() {
  static const std::array<CharClass, 128> classes = [] {
    std::array<CharClass, 128> result{};
    for (char32_t c = 0; c < result.size(); ++c) result[c] = Classify(c);
    return result;
  }();
  return classes;
}

// The end of a part that begins at `begin`: `size` bytes on, but between two characters.
size_t PartEnd(std::string_view text, size_t begin, size_t size) {
  if (text.size() - begin <= size) return text.size();
  size_t end = begin + size;
  for (int i = 0; i < 3 && (static_cast<uint8_t>(text[end]) & 0xC0) == 0x80; ++i) --end;
  return end;
}

}  // namespace

class WordPieceTokenizer::Run {
 public:
  Run(const WordPieceTokenizer& tokenizer, size_t max_tokens)
      : tokenizer_(tokenizer), max_tokens_(max_tokens) {}

  // One more token is known than fits; nothing more is needed.
  bool done() const { return !result_.complete; }

  // The next part of a piece: of raw text between two added tokens.
  void Append(std::string_view part) {
    tokenizer_.normalizer_.Append(part, state_, text_);
    Match(/*at_end=*/false);
    Forget();
  }

  void EndPiece() {
    tokenizer_.normalizer_.Finish(state_, text_);
    Match(/*at_end=*/true);
    EndWord(text_.size());
    text_.clear();
    searched_ = scanned_ = word_begin_ = 0;
  }

  void Emit(int32_t id) {
    if (result_.ids.size() < max_tokens_) {
      result_.ids.push_back(id);
    } else {
      result_.complete = false;
    }
  }

  TokenizedText TakeResult() { return std::move(result_); }

 private:
  // Looks for added tokens in the normalized text and splits what lies between them.
  void Match(bool at_end) {
    const AddedTokenMatcher& matcher = tokenizer_.normalized_tokens_;
    size_t limit = text_.size();
    if (!at_end && !matcher.empty()) {
      limit -= std::min(limit, matcher.lookahead());
      limit = Utf8FloorBoundary(text_, limit);
    }
    while (!done()) {
      const std::optional<AddedTokenMatcher::Match> match =
          matcher.FindNext(text_, searched_, limit);
      Split(match.has_value() ? match->begin : searched_);
      if (!match.has_value()) return;
      EndWord(match->begin);
      Emit(match->id);
      scanned_ = word_begin_ = match->end;
    }
  }

  // Splits into words up to `end`; a word that reaches `end` stays open.
  void Split(size_t end) {
    const std::array<CharClass, 128>& ascii = AsciiClasses();
    while (scanned_ < end && !done()) {
      const size_t at = scanned_;
      const auto byte = static_cast<uint8_t>(text_[at]);
      CharClass kind;
      if (byte < 0x80) {
        kind = ascii[byte];
        ++scanned_;
      } else {
        kind = Classify(NextCodePoint(text_, scanned_));
      }
      if (kind == CharClass::kWord) {
        AddWordChar();
        continue;
      }
      EndWord(at);
      if (kind == CharClass::kPunctuation) {
        word_begin_ = at;
        AddWordChar();
        EndWord(scanned_);
      }
      word_begin_ = scanned_;
    }
  }

  void AddWordChar() {
    // The token of a word that is too long is known before its end is.
    if (word_chars_++ == tokenizer_.max_word_chars_) Emit(tokenizer_.unknown_id_);
  }

  void EndWord(size_t end) {
    if (word_chars_ > 0 && word_chars_ <= tokenizer_.max_word_chars_ && !done()) {
      EmitWord(std::string_view(text_).substr(word_begin_, end - word_begin_));
    }
    word_chars_ = 0;
  }

  // Longest match first; a word with a part that matches nothing is one unknown token.
  void EmitWord(std::string_view word) {
    std::vector<int32_t>& ids = result_.ids;
    const size_t before = ids.size();
    if (before >= max_tokens_) {
      result_.complete = false;
      return;
    }
    const ByteTrie* trie = &tokenizer_.word_begins_;
    while (!word.empty()) {
      const ByteTrie::Match match = trie->LongestPrefix(word);
      if (match.length == 0) {
        ids.resize(before);
        ids.push_back(tokenizer_.unknown_id_);
        return;
      }
      ids.push_back(match.value);
      word.remove_prefix(match.length);
      trie = &tokenizer_.word_continuations_;
    }
    if (ids.size() > max_tokens_) {
      ids.resize(max_tokens_);
      result_.complete = false;
    }
  }

  // Drops text that is dealt with, but for the character before, which single_word looks at.
  void Forget() {
    if (word_chars_ > tokenizer_.max_word_chars_) word_begin_ = scanned_;
    const size_t count = Utf8FloorBoundary(text_, word_begin_ - std::min<size_t>(word_begin_, 4));
    text_.erase(0, count);
    word_begin_ -= count;
    scanned_ -= count;
    searched_ -= count;
  }

  const WordPieceTokenizer& tokenizer_;
  const size_t max_tokens_;
  TokenizedText result_;
  BertNormalizer::State state_;
  std::string text_;       // normalized, of the current piece
  size_t searched_ = 0;    // no added token begins before (or only one that was discarded)
  size_t scanned_ = 0;     // split into words up to here
  size_t word_begin_ = 0;  // of the open word
  size_t word_chars_ = 0;  // in the open word so far; past max_word_chars its token is out
};

TokenizedText WordPieceTokenizer::Tokenize(std::string_view text, size_t max_tokens) const {
  Run run(*this, max_tokens);
  size_t position = 0;
  while (position < text.size() && !run.done()) {
    const size_t begin = position;
    const std::optional<AddedTokenMatcher::Match> match =
        raw_tokens_.FindNext(text, position, PartEnd(text, begin, kPartBytes));
    run.Append(text.substr(begin, (match.has_value() ? match->begin : position) - begin));
    if (match.has_value()) {
      run.EndPiece();
      run.Emit(match->id);
    }
  }
  run.EndPiece();
  return run.TakeResult();
}

WordPieceTokenizer::WordPieceTokenizer(Options& options)
    : normalizer_(options.normalizer),
      max_word_chars_(options.max_word_chars),
      frame_(std::move(options.frame)),
      model_max_length_(options.model_max_length) {}

absl::StatusOr<std::unique_ptr<WordPieceTokenizer>> WordPieceTokenizer::Create(
    Options options, std::string_view origin) {
  const auto error = [origin](std::string_view problem) {
    return absl::FailedPreconditionError(fmt::format("{}: {}", origin, problem));
  };
  if (options.vocabulary.empty()) return error("the vocabulary is empty");
  auto tokenizer = std::unique_ptr<WordPieceTokenizer>(new WordPieceTokenizer(options));

  VocabularyIndex index;
  std::vector<std::pair<std::string_view, int32_t>> begins;
  std::vector<std::pair<std::string_view, int32_t>> continuations;
  for (const std::string& token : options.vocabulary) {
    const auto id = static_cast<int32_t>(begins.size());
    begins.emplace_back(token, id);
    if (token.empty()) continue;  // an empty line of vocab.txt: an id that no text has
    if (FindInvalidUtf8(token).has_value()) {
      return error(fmt::format("the token of id {} is not valid UTF-8", id));
    }
    if (const auto [earlier, is_new] = index.emplace(token, id); !is_new) {
      return error(
          fmt::format("the token \"{}\" has two ids, {} and {}", token, earlier->second, id));
    }
    if (token.starts_with(options.continuing_prefix)) {
      continuations.emplace_back(std::string_view(token).substr(options.continuing_prefix.size()),
                                 id);
    }
  }
  const auto unknown = index.find(options.unknown_token);
  if (unknown == index.end()) {
    return error(
        fmt::format("the vocabulary lacks the unknown token \"{}\"", options.unknown_token));
  }
  tokenizer->unknown_id_ = unknown->second;
  tokenizer->word_begins_ = ByteTrie(std::move(begins));
  tokenizer->word_continuations_ = ByteTrie(std::move(continuations));
  tokenizer->id_bound_ = options.vocabulary.size();
  if (absl::Status status = tokenizer->AddTokens(options, index); !status.ok()) {
    return error(std::string(status.message()));
  }
  const Frame& frame = tokenizer->frame_;
  for (const auto* part : {&frame.prefix, &frame.separator, &frame.suffix, &frame.single_suffix}) {
    for (const int32_t id : *part) {
      if (id < 0 || static_cast<size_t>(id) >= tokenizer->id_bound_) {
        return error(fmt::format("the post-processor's id {} is not below the vocabulary's {}", id,
                                 tokenizer->id_bound_));
      }
    }
  }
  return tokenizer;
}

absl::Status WordPieceTokenizer::AddTokens(const Options& options, const VocabularyIndex& index) {
  BertNormalizer::Options unspaced_options = options.normalizer;
  unspaced_options.handle_chinese_chars = false;
  const BertNormalizer unspaced(unspaced_options);
  std::set<std::string_view> contents;
  std::set<std::string> normalized_texts;
  std::vector<AddedTokenMatcher::Pattern> raw;
  std::vector<AddedTokenMatcher::Pattern> normalized;
  for (const AddedToken& token : options.added_tokens) {
    const auto error = [&token](std::string_view problem) {
      return absl::FailedPreconditionError(
          fmt::format("the added token \"{}\" {}", token.content, problem));
    };
    if (token.content.empty()) return error("is empty");
    if (FindInvalidUtf8(token.content).has_value()) return error("is not valid UTF-8");
    if (!contents.insert(token.content).second) return error("is listed twice");
    const auto known = index.find(token.content);
    const int32_t id = known != index.end() ? known->second : static_cast<int32_t>(id_bound_++);
    if (token.stated_id.value_or(id) != id) {
      return error(fmt::format("should have the id {} by the vocabulary and its place, not {}", id,
                               *token.stated_id));
    }
    const std::string text = token.normalized ? unspaced.Normalize(token.content) : token.content;
    if (text.empty()) return error("is empty once it is normalized");
    size_t first = 0;
    size_t last = text.size();
    if (hf_unicode::IsWhitespace(NextCodePoint(text, first)) ||
        hf_unicode::IsWhitespace(PreviousCodePoint(text, last))) {
      // It would compete for the white space that "lstrip" and "rstrip" give to other tokens.
      return error("begins or ends with white space, which is not supported");
    }
    if (!token.normalized) {
      raw.push_back({token.content, id, token.single_word});
      continue;
    }
    normalized.push_back({normalizer_.Normalize(token.content), id, token.single_word});
    if (!normalized_texts.insert(normalized.back().text).second) {
      return error("is the same as another one once it is normalized");
    }
  }
  raw_tokens_ = AddedTokenMatcher(std::move(raw));
  normalized_tokens_ = AddedTokenMatcher(std::move(normalized));
  return absl::OkStatus();
}

}  // namespace rerankd
