#include "providers/circuit_breaker.h"

#include <algorithm>

namespace rerankd {

int64_t CircuitBreaker::SliceAt(TimePoint now) const {
  const Duration slice = std::max(options_.window / int64_t{kSlices}, Duration(1));
  return now.time_since_epoch() / slice;
}

CircuitBreaker::State CircuitBreaker::state(TimePoint now) const {
  if (!opened_) return State::kClosed;
  return now < open_until_ ? State::kOpen : State::kHalfOpen;
}

std::variant<CircuitBreaker::Pass, CircuitBreaker::Refusal> CircuitBreaker::Admit(TimePoint now) {
  switch (state(now)) {
    case State::kClosed:
      return Pass{era_};
    case State::kOpen:
      return Refusal{open_until_ - now};
    case State::kHalfOpen:
      break;
  }
  // How long the probe takes nobody knows; those who come back soon find out.
  if (probing_) return Refusal{options_.open_for};
  probing_ = true;
  return Pass{era_};
}

void CircuitBreaker::Record(const Pass& pass, Outcome outcome, TimePoint now) {
  if (pass.era != era_) return;
  if (!opened_) {
    if (outcome == Outcome::kUnknown) return;
    Count(outcome == Outcome::kFailed, now);
    if (outcome == Outcome::kFailed && TooManyFailed(now)) Open(now);
    return;
  }
  probing_ = false;
  if (outcome == Outcome::kFailed) {
    Open(now);
  } else if (outcome == Outcome::kSucceeded && ++successes_ >= options_.probes_to_close) {
    opened_ = false;
    slices_.fill({});
    ++era_;
  }
}

void CircuitBreaker::Open(TimePoint now) {
  opened_ = true;
  open_until_ = now + options_.open_for;
  probing_ = false;
  successes_ = 0;
  ++era_;
}

void CircuitBreaker::Count(bool failed, TimePoint now) {
  const int64_t number = SliceAt(now);
  Slice& slice = slices_[static_cast<size_t>(number) % kSlices];
  if (slice.number != number) slice = {.number = number};
  ++slice.calls;
  slice.failures += failed ? 1 : 0;
}

bool CircuitBreaker::TooManyFailed(TimePoint now) const {
  if (options_.min_calls == 0) return false;
  const int64_t oldest = SliceAt(now) - static_cast<int64_t>(kSlices) + 1;
  int calls = 0;
  int failures = 0;
  for (const Slice& slice : slices_) {
    if (slice.number < oldest) continue;
    calls += slice.calls;
    failures += slice.failures;
  }
  return calls >= options_.min_calls &&
         int64_t{failures} * 100 >= int64_t{calls} * options_.failure_percent;
}

}  // namespace rerankd
