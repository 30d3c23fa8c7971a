#include "providers/retry_delay.h"

#include <algorithm>

namespace rerankd {
namespace {

// An attempt with less time than this would only be one more call to be billed.
constexpr std::chrono::milliseconds kLeastTime{50};

}  // namespace

std::optional<Duration> RetryDelay(const RemoteOptions& options, const FailedAttempt& failed,
                                   double random) {
  if (failed.retries >= options.max_retries) return std::nullopt;
  switch (failed.rule) {
    case RetryRule::kNever:
    case RetryRule::kNextKey:
      return std::nullopt;
    case RetryRule::kOnce:
      if (failed.once_retries > 0) return std::nullopt;
      break;
    case RetryRule::kAlways:
      break;
  }
  std::chrono::milliseconds longest = options.retry_delay;
  for (int n = 0; n < failed.retries && longest < options.max_retry_delay; ++n) longest *= 2;
  longest = std::min(longest, options.max_retry_delay);
  Duration delay = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double, std::milli>(static_cast<double>(longest.count()) * random));
  if (failed.asked.has_value()) delay = std::max<Duration>(delay, *failed.asked);
  if (delay + kLeastTime > failed.left) return std::nullopt;
  return delay;
}

}  // namespace rerankd
