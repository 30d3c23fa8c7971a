// Stops asking somebody who does not answer, and finds out when that is over.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <variant>

#include "util/clock.h"

namespace rerankd {

// Closed: every call goes through. Open, once too many of the calls of the last while failed: none
// does, for a time. Half-open, from then on: one call at a time does; so many successes in a row
// close it, one failure opens it again. Pure: time is an argument. Not thread-safe.
class CircuitBreaker {
 public:
  struct Options {
    int min_calls = 20;  // in the window, before anything is concluded; 0: it never opens
    int failure_percent = 50;
    Duration window = std::chrono::seconds(10);
    Duration open_for = std::chrono::seconds(5);
    int probes_to_close = 3;
  };
  enum class State { kClosed, kOpen, kHalfOpen };
  enum class Outcome {
    kSucceeded,
    kFailed,
    kUnknown,  // the call says nothing about the other side: it was cancelled, for example
  };
  // What a call that went through brings back.
  struct Pass {
    uint64_t era = 0;
  };
  struct Refusal {
    Duration retry_after{};
  };

  explicit CircuitBreaker(const Options& options) : options_(options) {}

  std::variant<Pass, Refusal> Admit(TimePoint now);
  // REQUIRES: once for each pass. What belongs to an earlier state changes nothing.
  void Record(const Pass& pass, Outcome outcome, TimePoint now);

  State state(TimePoint now) const;
  // When it stops being open. REQUIRES: state() is kOpen.
  TimePoint open_until() const { return open_until_; }

 private:
  // The window is kept in slices, of which the oldest is forgotten as a whole.
  static constexpr size_t kSlices = 10;
  struct Slice {
    int64_t number = -1;  // since the clock's beginning
    int calls = 0;
    int failures = 0;
  };

  void Open(TimePoint now);
  void Count(bool failed, TimePoint now);
  bool TooManyFailed(TimePoint now) const;
  int64_t SliceAt(TimePoint now) const;

  const Options options_;
  std::array<Slice, kSlices> slices_;
  bool opened_ = false;  // open or half-open
  TimePoint open_until_;
  uint64_t era_ = 0;  // one more with each change of state
  bool probing_ = false;
  int successes_ = 0;  // of probes, in a row
};

}  // namespace rerankd
