// How many tokens a tenant may have computed.
#pragma once

#include <optional>

#include "util/clock.h"

namespace rerankd {

struct TokenRate {
  double per_second = 0;
  double burst = 0;  // what may be saved up, in tokens

  bool operator==(const TokenRate&) const = default;
};

// A balance of tokens that grows with time up to the burst. What a call costs is known only once it
// is answered: a call may start while anything is left, pays an estimate at once, and the
// difference when it ends. The balance can so fall below zero, by one call's cost at most for each
// that runs; what was overdrawn is waited for. Pure: time comes with each call, and one that goes
// back counts as standing still. Not thread-safe.
class TokenBucket {
 public:
  // Full. REQUIRES: both numbers of `rate` are more than 0.
  TokenBucket(TokenRate rate, TimePoint now) : rate_(rate), balance_(rate.burst), as_of_(now) {}

  // Takes `tokens` and returns nothing, or takes none and returns how long it is until there is
  // something left again.
  std::optional<Duration> Take(double tokens, TimePoint now);

  // Gives back what was taken too much; a negative number takes what was taken too little.
  void GiveBack(double tokens, TimePoint now);

  // From now on the balance grows so; what is there stays, up to the new burst.
  void SetRate(TokenRate rate, TimePoint now);

  // Whether as much is saved up as can be: then it is like a new one.
  bool IsFull(TimePoint now);

  const TokenRate& rate() const { return rate_; }

 private:
  void Refill(TimePoint now);

  TokenRate rate_;
  double balance_;
  TimePoint as_of_;
};

}  // namespace rerankd
