// Sends calls at a server in a closed or an open loop and times them.
//
// Closed loop: each of `concurrency` callers sends its next call when it has the answer to the last
// one. A server that slows down is then asked less often, and the times say little of what users
// who do not wait for one another would see.
//
// Open loop: call i is due at start + i / rate, whatever became of those before it, and its time
// counts from then. A call that could not be sent when it was due, because all callers still
// waited, has waited too (nothing is left out as "coordinated omission" would).
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>

#include "absl/status/status.h"
#include "latency_histogram.h"

namespace rerankd::client {

struct LoadOptions {
  std::optional<double> rate;  // calls a second of an open loop; unset: a closed loop
  size_t concurrency = 1;      // calls in flight at the most
  size_t calls = 0;            // how many; 0: as many as `duration` has room for
  // No call but the first is due later than that; 0: no end but `calls`.
  std::chrono::nanoseconds duration{};
};

struct LoadResult {
  LatencyHistogram latency;                   // of the calls that were answered
  std::map<absl::StatusCode, size_t> errors;  // without what was cancelled by a stop
  absl::Status first_error;
  std::chrono::nanoseconds elapsed{};  // until the last answer
  std::chrono::nanoseconds
      longest_delay{};  // of a call after it was due, for want of a free caller

  size_t failed() const;
};

// Time as the callers see it. The functions are called by several threads at a time; a sleep may
// end early.
struct LoadClock {
  using TimePoint = std::chrono::steady_clock::time_point;
  std::function<TimePoint()> now;
  std::function<void(TimePoint)> sleep_until;
};
LoadClock SteadyLoadClock(std::stop_token stop = {});  // sleeps until then at the most

// Blocks until all calls are answered. Once `stop` is requested none is sent any more; `call` ends
// those under way (with CANCELLED), and they count as never sent. `call` is called by `concurrency`
// threads at a time; `on_progress` with the number of calls done and the time since the start, by
// one at a time. REQUIRES: concurrency > 0; rate > 0; calls or duration above 0.
LoadResult GenerateLoad(
    const LoadOptions& options, const LoadClock& clock, const std::function<absl::Status()>& call,
    const std::function<void(size_t done, std::chrono::nanoseconds elapsed)>& on_progress,
    const std::stop_token& stop = {});

}  // namespace rerankd::client
