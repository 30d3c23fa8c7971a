// A Reranker for more documents than one call to a provider may have.
#pragma once

#include <cstddef>
#include <memory>

#include "core/reranker.h"

namespace rerankd {

// Sends a call that is too large as several (split.h), all at once: whoever is behind it bounds how
// many of them go. A part that fails fails the call, and ends the others. More parts than ever have
// room there are INVALID_ARGUMENT, and none is sent.
// REQUIRES: documents are scored one by one, so that the scores of a part are those of the whole.
class SplittingReranker : public Reranker {
 public:
  struct Options {
    size_t max_documents = 0;  // of a part; not 0
    size_t max_parts = 0;      // of a call; 0: any number
  };

  SplittingReranker(std::shared_ptr<Reranker> inner, const Options& options)
      : inner_(std::move(inner)), options_(options) {}

  void Rerank(RerankRequest request, Done done) override;

 private:
  const std::shared_ptr<Reranker> inner_;
  const Options options_;
};

}  // namespace rerankd
