// Calls that came before their model was there. No threads, no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <utility>

#include "absl/status/status.h"
#include "core/reranker.h"
#include "util/clock.h"

namespace rerankd {

// Holds calls in the order of their arrival, until the model takes them or nobody waits for them
// any more. Adding, cancelling and taking out a call cost the logarithm of how many wait, whatever
// else waits. Only Add() needs memory. Not thread-safe: ManagedModel guards it.
class WaitingCalls {
 public:
  // Names a call; greater for those that were asked for later.
  using Ticket = uint64_t;
  struct Call {
    RerankRequest request;
    Reranker::Done done;
    // Tells whoever has to know that the caller went away.
    std::unique_ptr<std::stop_callback<std::function<void()>>> on_cancel;
  };
  using Calls = std::map<Ticket, Call>;  // in the order of arrival

  // Calls whose documents are together more than `max_documents` do not fit; one without documents
  // counts as if it had one.
  explicit WaitingCalls(size_t max_documents) : max_documents_(max_documents) {}

  // Of a call that may be added; so its on_cancel can be made before that.
  Ticket NextTicket() { return next_ticket_++; }

  // Takes `call` out of the caller's hands, unless it does not fit: RESOURCE_EXHAUSTED. A call that
  // is cancelled already goes with the next TakeGone(). REQUIRES: no other call has this ticket.
  absl::Status Add(Ticket ticket, Call& call);
  // The call's caller went away; it goes with the next TakeGone(). A call that is not here, not yet
  // or not any more, stays as it is.
  void Cancel(Ticket ticket);

  // Takes out the calls that nobody waits for any more: cancelled, or with a deadline that is not
  // after `now`.
  Calls TakeGone(TimePoint now);
  // What to answer one of those: DEADLINE_EXCEEDED or CANCELLED.
  static absl::Status WhyGone(const Call& call, TimePoint now);
  // Takes out all calls.
  Calls TakeAll();

  // When TakeGone() has something to take: the first deadline to pass, or the beginning of time
  // when calls are cancelled.
  TimePoint NextGone() const;
  bool empty() const { return calls_.empty() && cancelled_.empty(); }

 private:
  const size_t max_documents_;
  Ticket next_ticket_ = 0;
  size_t documents_ = 0;  // of all calls
  Calls calls_;
  Calls cancelled_;
  std::set<std::pair<TimePoint, Ticket>> deadlines_;  // of `calls_`
};

}  // namespace rerankd
