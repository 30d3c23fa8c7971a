#include "providers/fallback_reranker.h"

#include <chrono>

#include "absl/status/status.h"
#include "util/no_throw.h"

namespace rerankd {
namespace {

bool MayBeAnsweredElsewhere(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kFailedPrecondition:
      return true;
    default:
      return false;
  }
}

class Asking : public std::enable_shared_from_this<Asking> {
 public:
  Asking(std::shared_ptr<const std::vector<FallbackReranker::Other>> others, RerankRequest request,
         Reranker::Done done)
      : others_(std::move(others)), request_(std::move(request)), done_(std::move(done)) {
    request_.provider_key = Secret();  // it is for the first one's provider
  }

  void TakeFirst(absl::StatusOr<RerankResult> result) {
    if (result.ok() || !MayBeAnsweredElsewhere(result.status())) {
      std::move(done_)(std::move(result));
      return;
    }
    error_ = std::move(result).status();
    AskNext();
  }

 private:
  void AskNext() {
    while (next_ < others_->size()) {
      if (request_.cancelled.stop_requested() ||
          request_.deadline <= std::chrono::steady_clock::now()) {
        break;
      }
      const FallbackReranker::Other& other = (*others_)[next_++];
      Reranker* const reranker = other.find();
      if (reranker == nullptr) continue;
      absl::Status begun = WithoutThrowing([&] {
        RerankRequest request = next_ < others_->size() ? request_ : std::move(request_);
        if (next_ == others_->size()) request_ = {};
        reranker->Rerank(std::move(request),
                         [self = shared_from_this(), &other](absl::StatusOr<RerankResult> result) {
                           self->Take(other.model, std::move(result));
                         });
        return absl::OkStatus();
      });
      if (begun.ok()) return;
    }
    std::move(done_)(std::move(error_));
  }

  void Take(const std::string& model, absl::StatusOr<RerankResult> result) {
    if (!result.ok()) return AskNext();
    if (result->model.empty()) result->model = model;
    std::move(done_)(std::move(result));
  }

  const std::shared_ptr<const std::vector<FallbackReranker::Other>> others_;
  RerankRequest request_;
  Reranker::Done done_;
  absl::Status error_;
  size_t next_ = 0;
};

}  // namespace

void FallbackReranker::Rerank(RerankRequest request, Done done) {
  const auto asking = std::make_shared<Asking>(others_, request, std::move(done));
  first_->Rerank(std::move(request), [asking](absl::StatusOr<RerankResult> result) {
    asking->TakeFirst(std::move(result));
  });
}

}  // namespace rerankd
