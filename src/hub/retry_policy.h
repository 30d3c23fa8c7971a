// When a request is tried again, and after how long. Pure: time and chance are arguments.
#pragma once

#include <chrono>
#include <optional>

#include "absl/status/status.h"

namespace rerankd {

struct RetryPolicy {
  int max_attempts = 6;  // in a row without a byte of progress
  std::chrono::milliseconds first_delay{500};
  std::chrono::milliseconds max_delay{30'000};
  // A hub that asks for a longer pause than this is not waited for.
  std::chrono::seconds max_asked_delay{120};
};

// Whether the same request may succeed later: 408, 429 and 5xx; a connection that failed or broke,
// a timeout.
bool IsTransient(int http_status);
bool IsTransient(const absl::Status& status);

// The pause before the next attempt after `attempts` have failed in a row, or nullopt to give up.
// Doubles each time; `random` in [0, 1) takes up to half of it away, so that clients that failed
// together do not return together. What the hub asks for is never undercut.
std::optional<std::chrono::milliseconds> NextDelay(const RetryPolicy& policy, int attempts,
                                                   std::optional<std::chrono::milliseconds> asked,
                                                   double random);

}  // namespace rerankd
