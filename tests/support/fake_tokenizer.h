// A tokenizer without a vocabulary: one id a byte. A text that begins with kNoMemory throws as an
// allocation does that fails.
#pragma once

#include <algorithm>
#include <limits>
#include <new>
#include <string_view>

#include "tokenizer/tokenizer.h"

namespace rerankd {

class FakeTokenizer : public Tokenizer {
 public:
  static constexpr int32_t kCls = 300;
  static constexpr int32_t kSep = 301;
  static constexpr std::string_view kNoMemory = "no memory";

  TokenizedText Tokenize(std::string_view text, size_t max_tokens) const override {
    if (text.starts_with(kNoMemory)) throw std::bad_alloc();
    TokenizedText result;
    const size_t n = std::min(text.size(), max_tokens);
    for (size_t i = 0; i < n; ++i) result.ids.push_back(static_cast<unsigned char>(text[i]));
    result.complete = n == text.size();
    return result;
  }
  const Frame& frame() const override { return frame_; }
  size_t model_max_length() const override { return std::numeric_limits<size_t>::max(); }
  size_t id_bound() const override { return 302; }

 private:
  const Frame frame_{.prefix = {kCls},
                     .separator = {kSep},
                     .suffix = {kSep},
                     .single_suffix = {kSep},
                     .document_type_id = 1};
};

}  // namespace rerankd
