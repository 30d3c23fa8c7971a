#include "security/token_bucket.h"

#include <algorithm>
#include <chrono>

namespace rerankd {
namespace {

// No wait is told to be longer; a rate may be tiny.
constexpr double kMaxWaitSeconds = 24 * 3600;

}  // namespace

std::optional<Duration> TokenBucket::Take(double tokens, TimePoint now) {
  Refill(now);
  if (balance_ > 0) {
    balance_ -= tokens;
    return std::nullopt;
  }
  // One token more than none.
  const double seconds = std::min((1 - balance_) / rate_.per_second, kMaxWaitSeconds);
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

void TokenBucket::GiveBack(double tokens, TimePoint now) {
  Refill(now);
  balance_ = std::min(balance_ + tokens, rate_.burst);
}

bool TokenBucket::IsFull(TimePoint now) {
  Refill(now);
  return balance_ >= rate_.burst;
}

void TokenBucket::SetRate(TokenRate rate, TimePoint now) {
  Refill(now);
  rate_ = rate;
  balance_ = std::min(balance_, rate_.burst);
}

void TokenBucket::Refill(TimePoint now) {
  if (now <= as_of_) return;
  const double seconds = std::chrono::duration<double>(now - as_of_).count();
  balance_ = std::min(balance_ + seconds * rate_.per_second, rate_.burst);
  as_of_ = now;
}

}  // namespace rerankd
