#include "core/top_k.h"

#include <algorithm>

namespace rerankd {

std::vector<ScoredDocument> TopK(std::vector<ScoredDocument> documents, size_t top_k) {
  if (top_k == 0 || top_k > documents.size()) top_k = documents.size();
  const auto better = [](const ScoredDocument& a, const ScoredDocument& b) {
    return a.score != b.score ? a.score > b.score : a.index < b.index;
  };
  const auto end = documents.begin() + static_cast<std::ptrdiff_t>(top_k);
  std::partial_sort(documents.begin(), end, documents.end(), better);
  documents.erase(end, documents.end());
  return documents;
}

}  // namespace rerankd
