// One sequence as a model reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rerankd {

struct Encoding {
  std::vector<int32_t> ids;       // [length], special tokens included
  std::vector<int32_t> type_ids;  // [length]; 0 for the query's side, 1 for the document's
  size_t document_tokens = 0;     // of ids, how many come from the document (or the only text)
  bool truncated = false;         // the document (or the only text) lost tokens
};

}  // namespace rerankd
