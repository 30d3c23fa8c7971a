// Calls that came before their model was there. No threads, no clock.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <stop_token>
#include <vector>

#include "absl/status/status.h"
#include "core/reranker.h"
#include "util/clock.h"

namespace rerankd {

// Holds calls in the order of their arrival, until the model takes them or nobody waits for them
// any more. Not thread-safe: ManagedModel guards it.
class WaitingCalls {
 public:
  struct Call {
    RerankRequest request;
    Reranker::Done done;
    // Tells whoever has to know that the caller went away.
    std::unique_ptr<std::stop_callback<std::function<void()>>> on_cancel;
  };
  struct Gone {
    Call call;
    absl::Status status;  // DEADLINE_EXCEEDED or CANCELLED
  };

  // Calls whose documents are together more than `max_documents` do not fit; one without documents
  // counts as if it had one.
  explicit WaitingCalls(size_t max_documents) : max_documents_(max_documents) {}

  // Takes `call` out of the caller's hands, unless it does not fit: RESOURCE_EXHAUSTED.
  absl::Status Add(Call& call);

  // Takes out the calls that nobody waits for any more.
  std::vector<Gone> TakeGone(TimePoint now);
  // Takes out all calls.
  std::vector<Call> TakeAll();

  // The first deadline to pass.
  TimePoint NextDeadline() const;
  bool empty() const { return calls_.empty(); }

 private:
  const size_t max_documents_;
  std::list<Call> calls_;
  size_t documents_ = 0;
};

}  // namespace rerankd
