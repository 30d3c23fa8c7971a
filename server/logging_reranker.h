// A Reranker that says in the log what it takes on.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "core/reranker.h"
#include "observability/logging.h"

namespace rerankd {

// Logs "accepted" at level debug once the inner one has a request (its line "request" follows when
// it is answered). So somebody who waits for an answer can see whether the request is there at all.
class LoggingReranker : public Reranker {
 public:
  // REQUIRES: `logger` outlives the reranker.
  LoggingReranker(std::string model, std::shared_ptr<Reranker> inner, Logger& logger)
      : model_(std::move(model)), inner_(std::move(inner)), logger_(logger) {}

  void Rerank(RerankRequest request, Done done) override {
    const size_t documents = request.documents.size();
    inner_->Rerank(std::move(request), std::move(done));
    logger_.Debug("accepted", {{"model", model_}, {"documents", documents}});
  }

 private:
  const std::string model_;
  const std::shared_ptr<Reranker> inner_;
  Logger& logger_;
};

}  // namespace rerankd
