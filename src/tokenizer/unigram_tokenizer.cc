#include "tokenizer/unigram_tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "tokenizer/hf_unicode.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/utf8_codec.h"
#include "util/utf8.h"

namespace rerankd {
namespace {

// How much less likely an unknown character is than the least likely piece.
constexpr double kUnknownPenalty = 10;

size_t CharacterLength(std::string_view text, size_t position) {
  const size_t begin = position;
  NextCodePoint(text, position);
  return position - begin;
}

}  // namespace

class UnigramTokenizer::Run {
 public:
  Run(const UnigramTokenizer& tokenizer, std::string_view text, size_t max_tokens)
      : tokenizer_(tokenizer),
        max_tokens_(max_tokens),
        text_begin_(text.data()),
        normalizer_(tokenizer.normalizer_),
        splitter_(tokenizer.added_.normalized),
        nodes_(1) {}

  // One more token is known than fits; nothing more is needed.
  bool done() const { return !result_.complete; }

  // The next part of a stretch of raw text between two added tokens.
  void Append(std::string_view part) {
    at_text_begin_ = at_text_begin_ || part.data() == text_begin_;
    normalizer_.Append(part, normalized_);
    Split(/*at_end=*/false);
  }

  void EndStretch() {
    normalizer_.Finish(normalized_);
    Split(/*at_end=*/true);
    EndPiece();
    normalized_.clear();
    splitter_ = AddedTokenSplitter(tokenizer_.added_.normalized);
    at_text_begin_ = false;
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
  // A way to cut the word up to here.
  struct Node {
    double score = 0;     // of the best one
    int32_t id = 0;       // its last piece
    uint32_t length = 0;  // of that piece; 0 where no piece ends
  };

  // How much is done of a long word before the ways to cut it are compared.
  static constexpr size_t kFirstCheck = 512;

  // Looks for added tokens in the normalized text; what lies between them goes on.
  void Split(bool at_end) {
    while (!done()) {
      const AddedTokenSplitter::Part part = splitter_.Next(normalized_, normalized_.size(), at_end);
      AddPiece(std::string_view(normalized_).substr(part.begin, part.end - part.begin));
      if (!part.token.has_value()) break;
      EndPiece();
      Emit(*part.token);
    }
    const size_t count = splitter_.Forgettable(normalized_);
    normalized_.erase(0, count);
    splitter_.Forget(count);
  }

  // The next part of what lies between two added tokens, to words.
  void AddPiece(std::string_view part) {
    const std::optional<Metaspace>& metaspace = tokenizer_.metaspace_;
    size_t added = 0;  // the part is in words up to here
    for (size_t i = 0; i < part.size() && !done();) {
      const size_t begin = i;
      const char32_t c = NextCodePoint(part, i);
      if (tokenizer_.split_at_white_space_ && hf_unicode::IsWhitespace(c)) {
        AddToWord(part.substr(added, begin - added));
        EndPiece();
        added = i;
        continue;
      }
      if (!metaspace.has_value()) continue;
      const bool mark = c == ' ' || part.substr(begin, i - begin) == metaspace->mark;
      if (!in_piece_) {
        in_piece_ = true;
        if (!mark && PrependsMark(*metaspace)) AddToWord(metaspace->mark);
      }
      if (!mark) continue;
      AddToWord(part.substr(added, begin - added));
      if (metaspace->split) EndWord();
      AddToWord(metaspace->mark);
      added = i;
    }
    AddToWord(part.substr(added));
  }

  bool PrependsMark(const Metaspace& metaspace) const {
    return metaspace.prepend == Metaspace::Prepend::kAlways ||
           (metaspace.prepend == Metaspace::Prepend::kFirst && at_text_begin_);
  }

  void EndPiece() {
    EndWord();
    in_piece_ = false;
  }

  void AddToWord(std::string_view part) {
    word_ += part;
    if (word_.size() - cut_ > kFirstCheck + tokenizer_.longest_piece_) CutWord(/*at_end=*/false);
  }

  void EndWord() {
    if (word_.empty() || done()) return;
    CutWord(/*at_end=*/true);
    EmitUnknown();
    word_.clear();
    nodes_.assign(1, Node());
    cut_ = 0;
    next_check_ = kFirstCheck;
  }

  // Viterbi: the best way to every position that a piece ends at, from the left to the right.
  void CutWord(bool at_end) {
    nodes_.resize(word_.size() + 1);
    // As far as all pieces that begin there are seen whole.
    const size_t limit =
        at_end ? word_.size() : word_.size() - std::min(word_.size(), tokenizer_.longest_piece_);
    while (cut_ < limit) {
      const double score = nodes_[cut_].score;
      const size_t character = CharacterLength(word_, cut_);
      bool known = false;
      tokenizer_.pieces_.ForEachPrefix(
          std::string_view(word_).substr(cut_), [&](ByteTrie::Match piece) {
            known = known || piece.length == character;
            Offer(piece.length, piece.value,
                  tokenizer_.scores_[static_cast<size_t>(piece.value)] + score);
          });
      if (!known) Offer(character, tokenizer_.unknown_id_, tokenizer_.unknown_score_ + score);
      cut_ += character;
    }
    if (at_end) {
      EmitUpTo(word_.size());
    } else if (cut_ >= next_check_) {
      const size_t end = CommonEnd();
      EmitUpTo(end);
      word_.erase(0, end);
      nodes_.erase(nodes_.begin(), nodes_.begin() + static_cast<ptrdiff_t>(end));
      cut_ -= end;
      // Where nothing is certain yet, look less often, or a long word takes time by its square.
      next_check_ = std::max(kFirstCheck, 2 * cut_);
    }
  }

  void Offer(size_t length, int32_t id, double score) {
    Node& node = nodes_[cut_ + length];
    if (node.length == 0 || score > node.score) node = {score, id, static_cast<uint32_t>(length)};
  }

  // The last position that all ways go through of which one may yet be the best.
  size_t CommonEnd() const {
    std::vector<size_t> ends;  // ascending; every way on leaves from cut_ or passes over it
    for (size_t end = cut_; end < nodes_.size(); ++end) {
      if (end == cut_ || nodes_[end].length > 0) ends.push_back(end);
    }
    while (ends.size() > 1) {
      const size_t begin = ends.back() - nodes_[ends.back()].length;
      ends.pop_back();
      const auto place = std::lower_bound(ends.begin(), ends.end(), begin);
      if (place == ends.end() || *place != begin) ends.insert(place, begin);
    }
    return ends.front();
  }

  // Emits the best way to `end`, which is final.
  void EmitUpTo(size_t end) {
    const size_t before = path_.size();
    for (size_t at = end; at > 0; at -= nodes_[at].length) path_.push_back(at);
    while (path_.size() > before && !done()) {
      const size_t at = path_.back();
      path_.pop_back();
      const Node& node = nodes_[at];
      if (node.id == tokenizer_.unknown_id_) {
        AddUnknown(std::string_view(word_).substr(at - node.length, node.length));
      } else {
        EmitUnknown();
        Emit(node.id);
      }
    }
    path_.clear();
  }

  // Unknown characters in a row are one token.
  void AddUnknown(std::string_view characters) {
    const bool too_long = unknown_.size() > tokenizer_.longest_piece_;
    if (tokenizer_.byte_fallback_ || !too_long) unknown_ += characters;
    if (tokenizer_.byte_fallback_) {
      // Its bytes alone are more tokens than fit.
      const bool enough = unknown_.size() > std::max(tokenizer_.longest_piece_, max_tokens_);
      if (enough && tokenizer_.every_byte_is_a_piece_) EmitUnknown();
      return;
    }
    if (too_long) return;
    // Too long for any piece, it is known before its end is.
    if (unknown_.size() > tokenizer_.longest_piece_) Emit(tokenizer_.unknown_id_);
  }

  void EmitUnknown() {
    if (unknown_.empty()) return;
    const std::string unknown = std::exchange(unknown_, {});
    if (!tokenizer_.byte_fallback_ && unknown.size() > tokenizer_.longest_piece_)
      return;  // it is out
    // Pieces that are unknown by their score, for example "<unk>" twice, may be one together.
    if (const int32_t id = tokenizer_.pieces_.Find(unknown); id >= 0) {
      Emit(id);
      return;
    }
    const auto byte_id = [this](char byte) {
      return tokenizer_.byte_ids_[static_cast<uint8_t>(byte)];
    };
    if (!tokenizer_.byte_fallback_ ||
        std::any_of(unknown.begin(), unknown.end(), [&](char c) { return byte_id(c) < 0; })) {
      Emit(tokenizer_.unknown_id_);
      return;
    }
    for (size_t i = 0; i < unknown.size() && !done(); ++i) Emit(byte_id(unknown[i]));
  }

  const UnigramTokenizer& tokenizer_;
  const size_t max_tokens_;
  const char* const text_begin_;
  TokenizedText result_;
  TextNormalizer::Stream normalizer_;
  std::string normalized_;       // of the current stretch
  AddedTokenSplitter splitter_;  // of normalized_
  bool at_text_begin_ = false;   // the stretch is the text's first
  bool in_piece_ = false;        // something of it is in a word
  std::string word_;             // the open one, from where it is not final
  std::vector<Node> nodes_;      // by position in word_
  size_t cut_ = 0;               // the ways to all positions up to here are known
  size_t next_check_ = kFirstCheck;
  std::vector<size_t> path_;
  std::string unknown_;  // unknown characters before the next token
};

TokenizedText UnigramTokenizer::Tokenize(std::string_view text, size_t max_tokens) const {
  Run run(*this, text, max_tokens);
  SplitAtAddedTokens(added_.raw, text, run);
  return run.TakeResult();
}

UnigramTokenizer::UnigramTokenizer(Options& options)
    : unknown_id_(options.unknown_id),
      byte_fallback_(options.byte_fallback),
      normalizer_(std::move(options.normalizer)),
      split_at_white_space_(options.split_at_white_space),
      metaspace_(std::move(options.metaspace)),
      frame_(std::move(options.frame)),
      model_max_length_(options.model_max_length) {}

absl::StatusOr<std::unique_ptr<UnigramTokenizer>> UnigramTokenizer::Create(
    Options options, std::string_view origin) {
  const auto error = [origin](std::string_view problem) { return Refused(origin, problem); };
  if (options.pieces.empty()) return error("the vocabulary is empty");
  if (options.pieces.size() > std::numeric_limits<int32_t>::max()) {
    return error("the vocabulary is too large");
  }
  if (options.unknown_id < 0 || static_cast<size_t>(options.unknown_id) >= options.pieces.size()) {
    return error(fmt::format("the unknown piece's id {} is not below the vocabulary's {}",
                             options.unknown_id, options.pieces.size()));
  }
  auto tokenizer = std::unique_ptr<UnigramTokenizer>(new UnigramTokenizer(options));
  std::vector<std::pair<std::string_view, int32_t>> entries;
  entries.reserve(options.pieces.size());
  double least = std::numeric_limits<double>::infinity();
  for (const UnigramPiece& piece : options.pieces) {
    const auto id = static_cast<int32_t>(entries.size());
    if (FindInvalidUtf8(piece.text).has_value()) {
      return error(fmt::format("the piece of id {} is not valid UTF-8", id));
    }
    if (!std::isfinite(piece.score)) {
      return error(fmt::format("the score of \"{}\" is not a finite number", piece.text));
    }
    entries.emplace_back(piece.text, id);
    tokenizer->scores_.push_back(piece.score);
    tokenizer->longest_piece_ = std::max(tokenizer->longest_piece_, piece.text.size());
    least = std::min(least, piece.score);
  }
  tokenizer->unknown_score_ = least - kUnknownPenalty;
  std::sort(entries.begin(), entries.end());
  const auto twice = std::adjacent_find(
      entries.begin(), entries.end(),
      [](const auto& a, const auto& b) { return a.first == b.first && !a.first.empty(); });
  if (twice != entries.end()) {
    return error(fmt::format("the piece \"{}\" has two ids, {} and {}", twice->first, twice->second,
                             std::next(twice)->second));
  }
  tokenizer->pieces_ = ByteTrie(std::move(entries));
  for (size_t byte = 0; byte < 256; ++byte) {
    tokenizer->byte_ids_[byte] = tokenizer->pieces_.Find(fmt::format("<0x{:02X}>", byte));
  }
  tokenizer->every_byte_is_a_piece_ =
      std::ranges::none_of(tokenizer->byte_ids_, [](int32_t id) { return id < 0; });

  absl::StatusOr<AddedTokenMatchers> added = MakeAddedTokenMatchers(
      options.added_tokens, options.pieces.size(),
      [&tokenizer](std::string_view content) {
        const int32_t id = tokenizer->pieces_.Find(content);
        return id < 0 ? std::nullopt : std::optional(id);
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
