#include "lifecycle/waiting_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "core/errors.h"

namespace rerankd {
namespace {

size_t SizeOf(const WaitingCalls::Call& call) {
  return std::max<size_t>(call.request.documents.size(), 1);
}

}  // namespace

absl::Status WaitingCalls::Add(Call& call) {
  const size_t documents = SizeOf(call);
  if (documents > max_documents_ - std::min(documents_, max_documents_)) {
    return WithReason(RetryLater(fmt::format("the model is being loaded, and the queue is full ({} "
                                             "of {} documents); retry later",
                                             documents_, max_documents_),
                                 std::chrono::seconds(1)),
                      "QUEUE_FULL");
  }
  calls_.push_back(std::move(call));
  documents_ += documents;
  return absl::OkStatus();
}

std::vector<WaitingCalls::Gone> WaitingCalls::TakeGone(TimePoint now) {
  std::vector<Gone> gone;
  for (auto it = calls_.begin(); it != calls_.end();) {
    const bool expired = it->request.deadline <= now;
    if (!expired && !it->request.cancelled.stop_requested()) {
      ++it;
      continue;
    }
    documents_ -= SizeOf(*it);
    gone.push_back({std::move(*it), expired ? absl::DeadlineExceededError(
                                                  "the deadline passed before the model was loaded")
                                            : absl::CancelledError("the caller went away")});
    it = calls_.erase(it);
  }
  return gone;
}

std::vector<WaitingCalls::Call> WaitingCalls::TakeAll() {
  std::vector<Call> all(std::move_iterator(calls_.begin()), std::move_iterator(calls_.end()));
  calls_.clear();
  documents_ = 0;
  return all;
}

TimePoint WaitingCalls::NextDeadline() const {
  TimePoint next = kNoDeadline;
  for (const Call& call : calls_) next = std::min(next, call.request.deadline);
  return next;
}

}  // namespace rerankd
