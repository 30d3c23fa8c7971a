#include "lifecycle/waiting_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/errors.h"

namespace rerankd {
namespace {

size_t SizeOf(const WaitingCalls::Call& call) {
  return std::max<size_t>(call.request.documents.size(), 1);
}

}  // namespace

absl::Status WaitingCalls::Add(Ticket ticket, Call& call) {
  const size_t documents = SizeOf(call);
  if (documents > max_documents_ - std::min(documents_, max_documents_)) {
    return WithReason(RetryLater(fmt::format("the model is being loaded, and the queue is full ({} "
                                             "of {} documents); retry later",
                                             documents_, max_documents_),
                                 std::chrono::seconds(1)),
                      "QUEUE_FULL");
  }
  if (call.request.cancelled.stop_requested()) {
    cancelled_.try_emplace(ticket, std::move(call));
  } else {
    const auto deadline = deadlines_.emplace(call.request.deadline, ticket).first;
    try {
      calls_.try_emplace(ticket, std::move(call));
    } catch (...) {
      deadlines_.erase(deadline);
      throw;
    }
  }
  documents_ += documents;
  return absl::OkStatus();
}

void WaitingCalls::Cancel(Ticket ticket) {
  auto call = calls_.extract(ticket);
  if (call.empty()) return;
  deadlines_.erase({call.mapped().request.deadline, ticket});
  cancelled_.insert(std::move(call));
}

WaitingCalls::Calls WaitingCalls::TakeGone(TimePoint now) {
  Calls gone = std::exchange(cancelled_, {});
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    gone.insert(calls_.extract(deadlines_.begin()->second));
    deadlines_.erase(deadlines_.begin());
  }
  for (const auto& [ticket, call] : gone) documents_ -= SizeOf(call);
  return gone;
}

absl::Status WaitingCalls::WhyGone(const Call& call, TimePoint now) {
  return call.request.deadline <= now
             ? absl::DeadlineExceededError("the deadline passed before the model was loaded")
             : absl::CancelledError("the caller went away");
}

WaitingCalls::Calls WaitingCalls::TakeAll() {
  Calls all = std::exchange(calls_, {});
  all.merge(cancelled_);
  deadlines_.clear();
  documents_ = 0;
  return all;
}

TimePoint WaitingCalls::NextGone() const {
  if (!cancelled_.empty()) return TimePoint::min();
  return deadlines_.empty() ? kNoDeadline : deadlines_.begin()->first;
}

}  // namespace rerankd
