// Whether a call that failed is sent again, and after how long. Pure: time and chance are
// arguments.
#pragma once

#include <chrono>
#include <optional>

#include "providers/provider_errors.h"
#include "providers/remote_options.h"
#include "util/clock.h"

namespace rerankd {

// What is known when an attempt has failed.
struct FailedAttempt {
  RetryRule rule = RetryRule::kNever;
  int retries = 0;                                 // that were made already
  int once_retries = 0;                            // of these, after a failure of rule kOnce
  std::optional<std::chrono::milliseconds> asked;  // how long the provider asks to wait
  Duration left{};                                 // until the call's deadline
};

// The pause before the next attempt; nullopt: there is none, and the failure is the answer. With
// full jitter: anything from nothing to the whole pause is equally likely (`random` in [0, 1)), so
// that calls that failed together do not come back together. What the provider asks for is never
// undercut, and a pause after which no answer could come in time is not begun.
std::optional<Duration> RetryDelay(const RemoteOptions& options, const FailedAttempt& failed,
                                   double random);

}  // namespace rerankd
