#include "tokenizer/wordpiece_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <utility>

#include "tokenizer/hf_unicode.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/utf8_codec.h"
#include "util/utf8.h"

namespace rerankd {
namespace {

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

}  // namespace

class WordPieceTokenizer::Run {
 public:
  Run(const WordPieceTokenizer& tokenizer, size_t max_tokens)
      : tokenizer_(tokenizer), max_tokens_(max_tokens), splitter_(tokenizer.added_.normalized) {}

  // One more token is known than fits; nothing more is needed.
  bool done() const { return !result_.complete; }

  // The next part of a stretch of raw text between two added tokens.
  void Append(std::string_view part) {
    tokenizer_.normalizer_.Append(part, state_, text_);
    Match(/*at_end=*/false);
    Forget();
  }

  void EndStretch() {
    tokenizer_.normalizer_.Finish(state_, text_);
    Match(/*at_end=*/true);
    EndWord(text_.size());
    text_.clear();
    scanned_ = word_begin_ = 0;
    splitter_ = AddedTokenSplitter(tokenizer_.added_.normalized);
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
    while (!done()) {
      const AddedTokenSplitter::Part part = splitter_.Next(text_, text_.size(), at_end);
      if (part.begin != scanned_) scanned_ = word_begin_ = part.begin;
      Split(part.end);
      if (!part.token.has_value()) return;
      EndWord(part.end);
      Emit(*part.token);
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
    const size_t count = std::min(splitter_.Forgettable(text_), word_begin_);
    text_.erase(0, count);
    word_begin_ -= count;
    scanned_ -= count;
    splitter_.Forget(count);
  }

  const WordPieceTokenizer& tokenizer_;
  const size_t max_tokens_;
  TokenizedText result_;
  BertNormalizer::State state_;
  std::string text_;             // normalized, of the current piece
  AddedTokenSplitter splitter_;  // of text_
  size_t scanned_ = 0;           // split into words up to here
  size_t word_begin_ = 0;        // of the open word
  size_t word_chars_ = 0;        // in the open word so far; past max_word_chars its token is out
};

TokenizedText WordPieceTokenizer::Tokenize(std::string_view text, size_t max_tokens) const {
  Run run(*this, max_tokens);
  SplitAtAddedTokens(added_.raw, text, run);
  return run.TakeResult();
}

WordPieceTokenizer::WordPieceTokenizer(Options& options)
    : normalizer_(options.normalizer),
      max_word_chars_(options.max_word_chars),
      frame_(std::move(options.frame)),
      model_max_length_(options.model_max_length) {}

absl::StatusOr<std::unique_ptr<WordPieceTokenizer>> WordPieceTokenizer::Create(
    Options options, std::string_view origin) {
  const auto error = [origin](std::string_view problem) { return Refused(origin, problem); };
  if (options.vocabulary.empty()) return error("the vocabulary is empty");
  auto tokenizer = std::unique_ptr<WordPieceTokenizer>(new WordPieceTokenizer(options));

  std::unordered_map<std::string_view, int32_t> index;
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
  absl::StatusOr<AddedTokenMatchers> added = MakeAddedTokenMatchers(
      options.added_tokens, options.vocabulary.size(),
      [&index](std::string_view content) {
        const auto found = index.find(content);
        return found == index.end() ? std::nullopt : std::optional(found->second);
      },
      [&tokenizer](std::string_view content) { return tokenizer->normalizer_.Normalize(content); });
  if (!added.ok()) return Refused(origin, added.status());
  tokenizer->added_ = *std::move(added);
  if (absl::Status status = tokenizer->frame_.CheckIds(tokenizer->id_bound()); !status.ok()) {
    return Refused(origin, status);
  }
  return tokenizer;
}

}  // namespace rerankd
