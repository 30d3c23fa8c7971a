#include "retry_pause.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace rerankd::client {
namespace {

bool MayPass(absl::StatusCode code, bool server_said_when) {
  if (code == absl::StatusCode::kUnavailable) return true;
  // When not by the caller, who does not wait for a pause: gRPC of a server that begins to stop
  // says so.
  if (code == absl::StatusCode::kCancelled) return true;
  // Without a word on when to come back: a request that is too large, a balance that is used up.
  return code == absl::StatusCode::kResourceExhausted && server_said_when;
}

}  // namespace

std::optional<std::chrono::milliseconds> RetryPause(const RetryOptions& options, int attempts,
                                                    absl::StatusCode code,
                                                    std::optional<std::chrono::milliseconds> asked,
                                                    double chance) {
  if (attempts >= options.max_attempts || !MayPass(code, asked.has_value())) return std::nullopt;
  const double doubled =
      std::ldexp(static_cast<double>(options.initial_backoff.count()), attempts - 1);
  const double longest = std::min(doubled, static_cast<double>(options.max_backoff.count()));
  const auto backoff = std::chrono::milliseconds(std::llround(longest * (1 + chance) / 2));
  return asked.value_or(std::chrono::milliseconds::zero()) + backoff;
}

}  // namespace rerankd::client
