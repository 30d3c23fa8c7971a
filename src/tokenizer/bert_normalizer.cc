#include "tokenizer/bert_normalizer.h"

#include <algorithm>

#include "tokenizer/hf_unicode.h"
#include "tokenizer/utf8_codec.h"

namespace rerankd {
namespace {

constexpr uint8_t kRemoved = 0x80;  // not ASCII, so no normalized byte

}  // namespace

BertNormalizer::BertNormalizer(Options options) : options_(options) {
  for (char32_t c = 0; c < ascii_.size(); ++c) {
    State state;
    std::string normalized;
    AppendChar(c, state, normalized);
    Finish(state, normalized);
    ascii_[c] = normalized.empty() ? kRemoved : static_cast<uint8_t>(normalized[0]);
  }
}

void BertNormalizer::Append(std::string_view part, State& state, std::string& out) const {
  size_t i = 0;
  while (i < part.size()) {
    if (state.pending_.empty()) {
      // A run of ASCII maps byte by byte and cannot be reordered.
      const size_t run = i;
      while (i < part.size() && static_cast<uint8_t>(part[i]) < 0x80) ++i;
      const size_t begin = out.size();
      out.resize(begin + (i - run));
      char* next = out.data() + begin;
      for (size_t k = run; k < i; ++k) {
        const uint8_t mapped = ascii_[static_cast<uint8_t>(part[k])];
        *next = static_cast<char>(mapped);
        next += mapped != kRemoved ? 1 : 0;
      }
      out.resize(static_cast<size_t>(next - out.data()));
      if (i == part.size()) return;
    }
    AppendChar(NextCodePoint(part, i), state, out);
  }
}

void BertNormalizer::AppendChar(char32_t c, State& state, std::string& out) const {
  if (options_.clean_text) {
    // Control characters by category, but meant as white space.
    const bool kept = c == '\t' || c == '\n' || c == '\r';
    if (!kept && (c == 0 || c == 0xFFFD || hf_unicode::IsControl(c))) return;
    if (hf_unicode::IsWhitespace(c)) c = ' ';
  }
  if (options_.handle_chinese_chars && hf_unicode::IsChinese(c)) {
    Finish(state, out);  // nothing moves across a space
    out += ' ';
    AppendDecomposed(c, state, out);
    out += ' ';
    return;
  }
  AppendDecomposed(c, state, out);
}

void BertNormalizer::AppendDecomposed(char32_t c, State& state, std::string& out) const {
  if (!options_.strip_accents || c < 0x80) {
    Finish(state, out);
    AppendLowered(c, out);
    return;
  }
  const hf_unicode::Decomposition decomposition = hf_unicode::Decompose(c);
  for (size_t i = 0; i < decomposition.size; ++i) {
    const char32_t part = decomposition.chars[i];
    const uint8_t combining_class = hf_unicode::CombiningClass(part);
    // Nothing moves across a character of class 0, even one that is removed afterwards.
    if (combining_class == 0) Finish(state, out);
    if (hf_unicode::IsNonspacingMark(part)) continue;
    if (combining_class == 0) {
      AppendLowered(part, out);
    } else {
      state.pending_.push_back({combining_class, state.pending_.size(), part});
    }
  }
}

void BertNormalizer::AppendLowered(char32_t c, std::string& out) const {
  if (!options_.lowercase) {
    AppendCodePoint(c, out);
    return;
  }
  AppendCodePoint(hf_unicode::ToLower(c), out);
  if (c == 0x130) AppendCodePoint(0x307, out);
}

void BertNormalizer::Finish(State& state, std::string& out) const {
  if (state.pending_.empty()) return;
  std::sort(state.pending_.begin(), state.pending_.end());
  for (const State::Movable& movable : state.pending_) AppendLowered(movable.c, out);
  state.pending_.clear();
}

std::string BertNormalizer::Normalize(std::string_view text) const {
  State state;
  std::string out;
  Append(text, state, out);
  Finish(state, out);
  return out;
}

}  // namespace rerankd
