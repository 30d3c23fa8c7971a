// A Reranker for more documents than one call to a provider may have.
#pragma once

#include <cstddef>
#include <memory>

#include "core/reranker.h"

namespace rerankd {

// Sends a call that is too large as several (split.h), all at once: whoever is behind it bounds how
// many of them go. A part that fails fails the call, and ends the others.
// REQUIRES: documents are scored one by one, so that the scores of a part are those of the whole.
class SplittingReranker : public Reranker {
 public:
  // REQUIRES: max_documents is not 0.
  SplittingReranker(std::shared_ptr<Reranker> inner, size_t max_documents)
      : inner_(std::move(inner)), max_documents_(max_documents) {}

  void Rerank(RerankRequest request, Done done) override;

 private:
  const std::shared_ptr<Reranker> inner_;
  const size_t max_documents_;
};

}  // namespace rerankd
