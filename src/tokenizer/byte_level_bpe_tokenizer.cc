#include "tokenizer/byte_level_bpe_tokenizer.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "tokenizer/json_fields.h"
#include "tokenizer/nfc_normalizer.h"
#include "util/status_macros.h"
#include "util/utf8.h"

namespace rerankd {
namespace {

// A longer word is encoded from its beginning on, as far as it is needed.
constexpr size_t kLongWordBytes = 2048;
// By how much more of a long word is tried when that was not enough; the sum stays proportional.
constexpr size_t kGrowth = 4;

}  // namespace

class ByteLevelBpeTokenizer::Run {
 public:
  Run(const ByteLevelBpeTokenizer& tokenizer, size_t max_tokens)
      : tokenizer_(tokenizer), max_tokens_(max_tokens), splitter_(tokenizer.added_.normalized) {}

  // One more token is known than fits; nothing more is needed.
  bool done() const { return !result_.complete; }

  // The next part of a stretch of raw text between two added tokens.
  void Append(std::string_view part) {
    if (tokenizer_.nfc_) {
      normalizer_.Append(part, text_);
    } else {
      text_ += part;
    }
    const size_t handled = SplitNormalized(/*at_end=*/false);
    // A single_word token looks at the character before.
    size_t count = std::min(handled, splitter_.searched());
    count = Utf8FloorBoundary(text_, count - std::min<size_t>(count, 4));
    text_.erase(0, count);
    splitter_.Forget(count);
  }

  void EndStretch() {
    normalizer_.Finish(text_);
    SplitNormalized(/*at_end=*/true);
    EndPiece();
    text_.clear();
    splitter_ = AddedTokenSplitter(tokenizer_.added_.normalized);
  }

  void Emit(int32_t id) {
    result_.ids.push_back(id);
    Trim();
  }

  TokenizedText TakeResult() { return std::move(result_); }

 private:
  // Looks for added tokens in the normalized text and passes on what lies between them. Returns how
  // far that went.
  size_t SplitNormalized(bool at_end) {
    while (!done()) {
      const AddedTokenSplitter::Part part = splitter_.Next(text_, text_.size(), at_end);
      ExtendPiece(std::string_view(text_).substr(part.begin, part.end - part.begin));
      if (!part.token.has_value()) return part.end;
      EndPiece();
      Emit(*part.token);
    }
    return 0;
  }

  void ExtendPiece(std::string_view text) {
    if (text.empty()) return;
    if (!piece_open_ && tokenizer_.add_prefix_space_ && text.front() != ' ') piece_ += ' ';
    piece_open_ = true;
    piece_ += text;
    if (piece_.size() >= next_try_) EmitWords(/*at_end=*/false);
  }

  void EndPiece() {
    EmitWords(/*at_end=*/true);
    piece_.clear();
    piece_open_ = false;
  }

  // Encodes the words of the piece, but for one that may still grow.
  void EmitWords(bool at_end) {
    size_t begin = 0;
    next_try_ = 0;
    while (begin < piece_.size() && !done()) {
      const WordEnd word = FindWordEnd(tokenizer_.pattern_, piece_, begin, at_end);
      const std::string_view bytes = std::string_view(piece_).substr(begin, word.end - begin);
      if (!word.complete) {
        if (bytes.size() > kLongWordBytes && !EmitSomeBeginning(bytes)) EmitBeginning(bytes);
        next_try_ = kGrowth * (piece_.size() - begin);
        break;
      }
      EmitWord(bytes);
      begin = word.end;
    }
    piece_.erase(0, begin);
  }

  void EmitWord(std::string_view word) {
    if (EmitSomeBeginning(word)) return;
    tokenizer_.model_.Encode(word, result_.ids);
    Trim();
  }

  // Whether a beginning, short at first, that is less than the whole has all the tokens that are
  // needed.
  bool EmitSomeBeginning(std::string_view word) {
    for (size_t size = kLongWordBytes; size < word.size(); size *= kGrowth) {
      if (EmitBeginning(word.substr(0, size))) return true;
    }
    return false;
  }

  // Whether the beginning of a word has all the tokens that are needed. (A token is a byte or more,
  // so that it need not be tried with less bytes than that.)
  bool EmitBeginning(std::string_view beginning) {
    const size_t before = result_.ids.size();
    if (beginning.size() <= max_tokens_ - before) return false;
    tokenizer_.model_.EncodeBeginning(beginning, result_.ids);
    Trim();
    if (!done()) result_.ids.resize(before);
    return done();
  }

  void Trim() {
    if (result_.ids.size() <= max_tokens_) return;
    result_.ids.resize(max_tokens_);
    result_.complete = false;
  }

  const ByteLevelBpeTokenizer& tokenizer_;
  const size_t max_tokens_;
  TokenizedText result_;
  NfcNormalizer normalizer_;
  std::string text_;             // normalized, of the current stretch
  AddedTokenSplitter splitter_;  // of text_
  std::string piece_;            // what is not encoded yet of the text between two added tokens
  bool piece_open_ = false;      // it has had text
  size_t next_try_ = 0;          // how long piece_ must be for a word that was too long before
};

TokenizedText ByteLevelBpeTokenizer::Tokenize(std::string_view text, size_t max_tokens) const {
  Run run(*this, max_tokens);
  SplitAtAddedTokens(added_.raw, text, run);
  return run.TakeResult();
}

ByteLevelBpeTokenizer::ByteLevelBpeTokenizer(BpeModel model, AddedTokenMatchers added,
                                             Options& options)
    : model_(std::move(model)),
      added_(std::move(added)),
      pattern_(options.pattern),
      nfc_(options.nfc),
      add_prefix_space_(options.add_prefix_space),
      frame_(std::move(options.frame)),
      model_max_length_(options.model_max_length) {}

absl::StatusOr<std::unique_ptr<ByteLevelBpeTokenizer>> ByteLevelBpeTokenizer::Create(
    Options options, std::string_view origin) {
  RERANKD_ASSIGN_OR_RETURN(BpeModel model, BpeModel::Create(options.model, origin));
  std::unordered_map<std::string_view, int32_t> index;
  for (const std::string& token : options.model.vocabulary) {
    index.emplace(token, static_cast<int32_t>(index.size()));
  }
  absl::StatusOr<AddedTokenMatchers> added = MakeAddedTokenMatchers(
      options.added_tokens, options.model.vocabulary.size(),
      [&index](std::string_view content) {
        const auto found = index.find(content);
        return found == index.end() ? std::nullopt : std::optional(found->second);
      },
      [&options](std::string_view content) {
        return options.nfc ? NormalizeNfc(content) : std::string(content);
      });
  if (!added.ok()) return Refused(origin, added.status());
  if (absl::Status status = options.frame.CheckIds(added->id_bound); !status.ok()) {
    return Refused(origin, status);
  }
  return std::unique_ptr<ByteLevelBpeTokenizer>(
      new ByteLevelBpeTokenizer(std::move(model), *std::move(added), options));
}

}  // namespace rerankd
