#include "tokenizer/nfc_normalizer.h"

#include <algorithm>

#include "tokenizer/hf_unicode.h"
#include "tokenizer/utf8_codec.h"

namespace rerankd {

void NfcNormalizer::Append(std::string_view part, std::string& out) {
  size_t i = 0;
  while (i < part.size()) {
    const size_t run = i;
    while (i < part.size() && static_cast<uint8_t>(part[i]) < 0x80) ++i;
    if (i > run) {
      // ASCII composes with nothing before it; only its last character may with what follows.
      Finish(out);
      out.append(part.substr(run, i - run - 1));
      starter_ = static_cast<char32_t>(part[i - 1]);
      continue;
    }
    const char32_t c = NextCodePoint(part, i);
    const hf_unicode::Decomposition decomposition =
        compatible_ ? hf_unicode::DecomposeCompatibly(c) : hf_unicode::Decompose(c);
    for (size_t k = 0; k < decomposition.size; ++k) AppendDecomposed(decomposition.chars[k], out);
  }
}

void NfcNormalizer::AppendDecomposed(char32_t c, std::string& out) {
  if (const uint8_t combining_class = hf_unicode::CombiningClass(c); combining_class != 0) {
    marks_.push_back({combining_class, marks_.size(), c});
    return;
  }
  ComposeMarks();
  if (starter_.has_value() && marks_.empty()) {
    if (const std::optional<char32_t> composed = hf_unicode::Compose(*starter_, c)) {
      starter_ = composed;
      return;
    }
  }
  Emit(out);
  starter_ = c;
}

// Puts the marks in canonical order, and composes with the starter those that no other one of their
// class or a higher one keeps from it.
void NfcNormalizer::ComposeMarks() {
  std::sort(marks_.begin(), marks_.end());
  if (!starter_.has_value()) return;
  size_t kept = 0;
  for (const Mark& mark : marks_) {
    const bool blocked = kept > 0 && marks_[kept - 1].combining_class >= mark.combining_class;
    const std::optional<char32_t> composed =
        blocked ? std::nullopt : hf_unicode::Compose(*starter_, mark.c);
    if (composed.has_value()) {
      starter_ = composed;
    } else {
      marks_[kept++] = mark;
    }
  }
  marks_.resize(kept);
}

void NfcNormalizer::Finish(std::string& out) {
  ComposeMarks();
  Emit(out);
}

void NfcNormalizer::Emit(std::string& out) {
  if (starter_.has_value()) AppendCodePoint(*starter_, out);
  for (const Mark& mark : marks_) AppendCodePoint(mark.c, out);
  starter_.reset();
  marks_.clear();
}

std::string NormalizeNfc(std::string_view text) {
  NfcNormalizer normalizer;
  std::string out;
  normalizer.Append(text, out);
  normalizer.Finish(out);
  return out;
}

}  // namespace rerankd
