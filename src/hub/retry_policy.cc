#include "hub/retry_policy.h"

#include <algorithm>
#include <cstdint>

namespace rerankd {
namespace {

using std::chrono::milliseconds;

}  // namespace

bool IsTransient(int http_status) {
  return http_status == 408 || http_status == 429 || (http_status >= 500 && http_status <= 599);
}

bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

std::optional<milliseconds> NextDelay(const RetryPolicy& policy, int attempts,
                                      std::optional<milliseconds> asked, double random) {
  if (attempts >= policy.max_attempts) return std::nullopt;
  if (asked.has_value() && *asked > policy.max_asked_delay) return std::nullopt;
  milliseconds delay = policy.first_delay;
  for (int n = 1; n < attempts && delay < policy.max_delay; ++n) delay *= 2;
  delay = std::min(delay, policy.max_delay);
  delay -= milliseconds(static_cast<int64_t>(static_cast<double>(delay.count()) * random / 2));
  return asked.has_value() ? std::max(delay, *asked) : delay;
}

}  // namespace rerankd
