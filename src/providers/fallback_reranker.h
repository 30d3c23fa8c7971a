// A Reranker that others stand in for.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/reranker.h"

namespace rerankd {

// Asks `first`, and where it has no answer now (UNAVAILABLE, RESOURCE_EXHAUSTED, or its key is
// refused) the others in turn, each with what is left of the call's time. The answer says which
// model it is of: scores of different models cannot be compared. When nobody has an answer, the
// error is that of `first`.
class FallbackReranker : public Reranker {
 public:
  struct Other {
    std::string model;  // for the answer
    // Who that is at the time; null: nobody.
    std::function<Reranker*()> find;
  };

  FallbackReranker(std::shared_ptr<Reranker> first, std::vector<Other> others)
      : first_(std::move(first)),
        others_(std::make_shared<const std::vector<Other>>(std::move(others))) {}

  void Rerank(RerankRequest request, Done done) override;

 private:
  const std::shared_ptr<Reranker> first_;
  const std::shared_ptr<const std::vector<Other>> others_;
};

}  // namespace rerankd
