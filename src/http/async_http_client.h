// HTTP requests and timers that cost no thread each.
#pragma once

#include <memory>
#include <stop_token>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "http/http_client.h"
#include "util/clock.h"

namespace rerankd {

// Safe for concurrent use. What is passed in as `done` and `tick` runs exactly once, on the
// client's own thread; it must not block, and may call the client again. When the client is closed,
// whatever is still open ends with UNAVAILABLE; so does, inside Send() or RunAt(), what is begun
// after that.
class AsyncHttpClient {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<HttpResponse>) &&>;
  using Tick = absl::AnyInvocable<void(absl::Status) &&>;

  virtual ~AsyncHttpClient() = default;

  // Sends `request`. Answers and errors are as of HttpClient::Send(). Past `deadline`, and once
  // `stop` is requested, the exchange is broken off at once and the server can see that it is: with
  // DEADLINE_EXCEEDED and CANCELLED.
  virtual void Send(std::shared_ptr<const HttpRequest> request, TimePoint deadline,
                    std::stop_token stop, Done done) = 0;

  // OK at `when`, or soon after; CANCELLED once `stop` is requested.
  virtual void RunAt(TimePoint when, std::stop_token stop, Tick tick) = 0;
};

}  // namespace rerankd
