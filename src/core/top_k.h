// Choosing and ordering the best documents.
#pragma once

#include <cstddef>
#include <vector>

#include "core/types.h"

namespace rerankd {

// Orders by score, best first; equal scores keep the order of `index`. Keeps `top_k` of them
// (0, or more than there are: all).
// REQUIRES: no score is NaN.
std::vector<ScoredDocument> TopK(std::vector<ScoredDocument> documents, size_t top_k);

}  // namespace rerankd
