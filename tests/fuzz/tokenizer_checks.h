// What must hold of any tokenizer and any text; a fuzzer stops where it does not.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace rerankd {

inline void Check(bool condition) {
  if (!condition) std::abort();
}

// Ids are below the bound, and however early it stops, they are the first ones of all.
inline void CheckTokenizer(const Tokenizer& tokenizer, std::string_view text) {
  const TokenizedText all = tokenizer.Tokenize(text);
  Check(all.complete);
  for (const int32_t id : all.ids) {
    Check(id >= 0 && static_cast<size_t>(id) < tokenizer.id_bound());
  }
  const size_t count = all.ids.size();
  for (const size_t max_tokens :
       {size_t{0}, size_t{1}, count / 2, count - (count > 0 ? 1 : 0), count, count + 1}) {
    const TokenizedText some = tokenizer.Tokenize(text, max_tokens);
    const size_t kept = std::min(max_tokens, count);
    Check(some.ids == std::vector<int32_t>(all.ids.begin(), all.ids.begin() + kept));
    Check(some.complete == (max_tokens >= count));
  }
}

}  // namespace rerankd
