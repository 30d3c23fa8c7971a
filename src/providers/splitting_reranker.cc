#include "providers/splitting_reranker.h"

#include <fmt/format.h>

#include <functional>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "core/errors.h"
#include "providers/split.h"
#include "util/mutex.h"
#include "util/no_throw.h"

namespace rerankd {
namespace {

// What the parts of one call bring together.
class Gathering {
 public:
  Gathering(std::vector<DocumentRange> ranges, size_t top_k, const std::stop_token& cancelled,
            Reranker::Done done)
      : ranges_(std::move(ranges)),
        top_k_(top_k),
        on_cancel_(cancelled, [parts = stop_]() mutable { parts.request_stop(); }),
        done_(std::move(done)),
        results_(ranges_.size()),
        missing_(ranges_.size()) {}

  std::stop_token stop() const { return stop_.get_token(); }

  void Take(size_t part, absl::StatusOr<RerankResult> result) {
    absl::Status error = result.status();
    {
      const MutexLock lock(mutex_);
      if (missing_ == 0) return;  // it was answered
      if (error.ok()) {
        results_[part] = *std::move(result);
        if (--missing_ > 0) return;
      } else {
        missing_ = 0;
      }
    }
    // Whoever gets here is the only one.
    if (!error.ok()) {
      stop_.request_stop();
      std::move(done_)(std::move(error));
      return;
    }
    std::move(done_)(
        WithoutThrowing([&] { return MergeParts(ranges_, std::move(results_), top_k_); }));
  }

 private:
  const std::vector<DocumentRange> ranges_;
  const size_t top_k_;
  std::stop_source stop_;  // of the parts
  std::stop_callback<std::function<void()>> on_cancel_;
  Reranker::Done done_;
  std::vector<RerankResult> results_;  // each written under the lock, all read by the last
  Mutex mutex_;
  size_t missing_ RERANKD_GUARDED_BY(mutex_);
};

}  // namespace

void SplittingReranker::Rerank(RerankRequest request, Done done) {
  const size_t documents_given = request.documents.size();
  if (documents_given <= options_.max_documents) {
    inner_->Rerank(std::move(request), std::move(done));
    return;
  }
  const std::vector<DocumentRange> ranges = SplitDocuments(documents_given, options_.max_documents);
  if (options_.max_parts != 0 && ranges.size() > options_.max_parts) {
    std::move(done)(InvalidField(
        "documents",
        fmt::format("has {} entries, {} calls of at most {} to the provider, and only "
                    "{} calls may go or wait at once (max_concurrent_calls and "
                    "max_waiting_calls); send fewer",
                    documents_given, ranges.size(), options_.max_documents, options_.max_parts)));
    return;
  }
  std::vector<std::string> documents = std::move(request.documents);
  request.documents.clear();
  const auto gathering =
      std::make_shared<Gathering>(ranges, request.top_k, request.cancelled, std::move(done));
  request.cancelled = gathering->stop();
  for (size_t i = 0; i < ranges.size(); ++i) {
    RerankRequest part = request;
    const auto begin = documents.begin() + static_cast<ptrdiff_t>(ranges[i].begin);
    part.documents.assign(std::make_move_iterator(begin),
                          std::make_move_iterator(begin + static_cast<ptrdiff_t>(ranges[i].size)));
    inner_->Rerank(std::move(part), [gathering, i](absl::StatusOr<RerankResult> result) {
      gathering->Take(i, std::move(result));
    });
  }
}

}  // namespace rerankd
