#include "providers/split.h"

#include <algorithm>
#include <utility>

#include "core/top_k.h"

namespace rerankd {

std::vector<DocumentRange> SplitDocuments(size_t documents, size_t max_part) {
  const size_t parts = (documents + max_part - 1) / max_part;
  std::vector<DocumentRange> ranges;
  ranges.reserve(parts);
  size_t begin = 0;
  for (size_t i = 0; i < parts; ++i) {
    const size_t size = documents / parts + (i < documents % parts ? 1 : 0);
    ranges.push_back({begin, size});
    begin += size;
  }
  return ranges;
}

absl::StatusOr<RerankResult> MergeParts(const std::vector<DocumentRange>& ranges,
                                        std::vector<RerankResult> parts, size_t top_k) {
  RerankResult whole;
  std::vector<ScoredDocument> documents;
  for (size_t i = 0; i < parts.size(); ++i) {
    RerankResult& part = parts[i];
    if (i == 0) {
      whole.score_kind = part.score_kind;
    } else if (part.score_kind != whole.score_kind) {
      return absl::InternalError(
          "the parts of the call were answered with different kinds of score");
    }
    for (ScoredDocument& document : part.documents) {
      document.index += ranges[i].begin;
      documents.push_back(document);
    }
    whole.usage.query_tokens = std::max(whole.usage.query_tokens, part.usage.query_tokens);
    whole.usage.document_tokens += part.usage.document_tokens;
    whole.usage.total_tokens += part.usage.total_tokens;
    whole.usage.billed_units += part.usage.billed_units;
    whole.timings.tokenize = std::max(whole.timings.tokenize, part.timings.tokenize);
    whole.timings.queue = std::max(whole.timings.queue, part.timings.queue);
    whole.timings.compute = std::max(whole.timings.compute, part.timings.compute);
  }
  whole.documents = TopK(std::move(documents), top_k);
  return whole;
}

}  // namespace rerankd
