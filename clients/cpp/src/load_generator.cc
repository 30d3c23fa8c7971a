#include "load_generator.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "util/mutex.h"

namespace rerankd::client {
namespace {

using TimePoint = LoadClock::TimePoint;

class Run {
 public:
  Run(const LoadOptions& options, const LoadClock& clock, const std::stop_token& stop)
      : options_(options), clock_(clock), stop_(stop), start_(clock.now()) {}

  void Caller(const std::function<absl::Status()>& call,
              const std::function<void(size_t, std::chrono::nanoseconds)>& on_progress) {
    while (const std::optional<TimePoint> due = TakeNext()) {
      clock_.sleep_until(*due);
      if (stop_.stop_requested()) return;
      const TimePoint sent = clock_.now();
      const absl::Status status = call();
      const TimePoint answered = clock_.now();
      if (status.code() == absl::StatusCode::kCancelled && stop_.stop_requested()) return;
      const MutexLock lock(mutex_);
      result_.longest_delay = std::max(result_.longest_delay, sent - *due);
      result_.elapsed = std::max(result_.elapsed, answered - start_);
      if (status.ok()) {
        result_.latency.Record(answered - *due);
      } else {
        if (result_.first_error.ok()) result_.first_error = status;
        ++result_.errors[status.code()];
      }
      on_progress(++done_, answered - start_);
    }
  }

  LoadResult TakeResult() {
    const MutexLock lock(mutex_);
    return std::move(result_);
  }

 private:
  // When the next call is due; nullopt when there is none any more.
  std::optional<TimePoint> TakeNext() {
    const MutexLock lock(mutex_);
    if (stop_.stop_requested()) return std::nullopt;
    if (options_.calls > 0 && taken_ >= options_.calls) return std::nullopt;
    const TimePoint due = options_.rate.has_value() ? Scheduled(taken_) : clock_.now();
    const bool over = options_.duration.count() > 0 && due >= start_ + options_.duration;
    if (over && taken_ > 0) return std::nullopt;
    ++taken_;
    return due;
  }

  TimePoint Scheduled(size_t call) const {
    const double seconds = static_cast<double>(call) / *options_.rate;
    return start_ + std::chrono::nanoseconds(std::llround(seconds * 1e9));
  }

  const LoadOptions& options_;
  const LoadClock& clock_;
  const std::stop_token& stop_;
  const TimePoint start_;

  Mutex mutex_;
  size_t taken_ RERANKD_GUARDED_BY(mutex_) = 0;
  size_t done_ RERANKD_GUARDED_BY(mutex_) = 0;
  LoadResult result_ RERANKD_GUARDED_BY(mutex_);
};

}  // namespace

size_t LoadResult::failed() const {
  size_t sum = 0;
  for (const auto& [code, count] : errors) sum += count;
  return sum;
}

LoadClock SteadyLoadClock(std::stop_token stop) {
  const auto sleep_until = [stop = std::move(stop)](TimePoint due) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_until(lock, stop, due, [] { return false; });
  };
  return {.now = [] { return std::chrono::steady_clock::now(); }, .sleep_until = sleep_until};
}

LoadResult GenerateLoad(
    const LoadOptions& options, const LoadClock& clock, const std::function<absl::Status()>& call,
    const std::function<void(size_t done, std::chrono::nanoseconds elapsed)>& on_progress,
    const std::stop_token& stop) {
  Run run(options, clock, stop);
  {
    std::vector<std::jthread> callers;
    callers.reserve(options.concurrency);
    for (size_t i = 0; i < options.concurrency; ++i) {
      callers.emplace_back([&] { run.Caller(call, on_progress); });
    }
  }
  return run.TakeResult();
}

}  // namespace rerankd::client
