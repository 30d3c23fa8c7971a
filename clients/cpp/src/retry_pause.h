// Whether a failed call is sent again, and when.
#pragma once

#include <chrono>
#include <optional>

#include "absl/status/status.h"
#include "rerankd/client.h"

namespace rerankd::client {

// The pause before the next attempt, or nullopt when there is none: the failure will not pass by
// itself, or `attempts` (those that were made, from 1) are all that `options` allow.
// `asked`: the server's RetryInfo. `chance`: between 0 and 1, anew for each call, so that clients
// that were refused together do not come back together.
std::optional<std::chrono::milliseconds> RetryPause(const RetryOptions& options, int attempts,
                                                    absl::StatusCode code,
                                                    std::optional<std::chrono::milliseconds> asked,
                                                    double chance);

}  // namespace rerankd::client
