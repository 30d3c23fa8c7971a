// One sequence as a model reads it.
#pragma once

#include <cstdint>
#include <vector>

namespace rerankd {

struct Encoding {
  std::vector<int32_t> ids;       // [length], special tokens included
  std::vector<int32_t> type_ids;  // [length]; 0 for the query's side, 1 for the document's
  bool truncated = false;         // the text did not fit
};

}  // namespace rerankd
