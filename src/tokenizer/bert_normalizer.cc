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
    if (c == '\t' || c == '\n' || c == '\r') {
      c = ' ';  // control characters by category, but meant as white space
    } else if (c == 0 || c == 0xFFFD || hf_unicode::IsControl(c)) {
      return;
    } else if (hf_unicode::IsWhitespace(c)) {
      c = ' ';
    }
  }
  const bool spaced = options_.handle_chinese_chars && hf_unicode::IsChinese(c);
  if (spaced) AppendDecomposed(' ', state, out);
  AppendDecomposed(c, state, out);
  if (spaced) AppendDecomposed(' ', state, out);
}

void BertNormalizer::AppendDecomposed(char32_t c, State& state, std::string& out) const {
  if (!options_.strip_accents) {
    AppendLowered(c, out);
    return;
  }
  const hf_unicode::Decomposition decomposition = hf_unicode::Decompose(c);
  for (size_t i = 0; i < decomposition.size; ++i) {
    const char32_t part = decomposition.chars[i];
    // Removing before ordering instead of after is the same: ordering is stable.
    if (hf_unicode::IsNonspacingMark(part)) continue;
    const uint8_t combining_class = hf_unicode::CombiningClass(part);
    if (combining_class != 0) {
      state.pending_.emplace_back(combining_class, part);
    } else {
      Finish(state, out);
      AppendLowered(part, out);
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
  std::stable_sort(state.pending_.begin(), state.pending_.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [combining_class, c] : state.pending_) AppendLowered(c, out);
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
