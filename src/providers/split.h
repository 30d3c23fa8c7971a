// One call as several, where a provider takes only so many documents at once.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "core/types.h"

namespace rerankd {

// A run of documents.
struct DocumentRange {
  size_t begin = 0;
  size_t size = 0;

  bool operator==(const DocumentRange&) const = default;
};

// As few parts as there can be, in order and about equally large.
// REQUIRES: max_part is not 0.
std::vector<DocumentRange> SplitDocuments(size_t documents, size_t max_part);

// The answer to the whole call from those to its parts, in their order: ordered by score, equal
// scores by position, at most `top_k` (0: all). Each part need only have been asked for its own
// `top_k` best: the best of all are among them. INTERNAL when the parts' scores are of different
// kinds.
absl::StatusOr<RerankResult> MergeParts(const std::vector<DocumentRange>& ranges,
                                        std::vector<RerankResult> parts, size_t top_k);

}  // namespace rerankd
