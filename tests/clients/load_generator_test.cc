#include "load_generator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <vector>

namespace rerankd::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// Time that passes only while one sleeps or a call says so. For one caller.
struct FakeTime {
  LoadClock::TimePoint now;
  LoadClock clock{.now = [this] { return now; },
                  .sleep_until = [this](LoadClock::TimePoint due) { now = std::max(now, due); }};
};

LoadResult Generate(const LoadOptions& options, FakeTime& time,
                    const std::function<absl::Status()>& call) {
  return GenerateLoad(options, time.clock, call, [](size_t, nanoseconds) {});
}

TEST(LoadGeneratorTest, AClosedLoopSendsOneAfterTheOther) {
  FakeTime time;
  const LoadResult result = Generate({.duration = seconds(1)}, time, [&] {
    time.now += milliseconds(100);
    return absl::OkStatus();
  });
  EXPECT_EQ(result.latency.count(), 10U);
  EXPECT_EQ(result.latency.max(), milliseconds(100));
  EXPECT_EQ(result.elapsed, seconds(1));
  EXPECT_EQ(result.failed(), 0U);
}

TEST(LoadGeneratorTest, AnOpenLoopKeepsItsRate) {
  FakeTime time;
  const auto start = time.now;
  std::vector<nanoseconds> sent;
  const LoadResult result = Generate({.rate = 4, .calls = 3}, time, [&] {
    sent.push_back(time.now - start);
    time.now += milliseconds(1);
    return absl::OkStatus();
  });
  EXPECT_EQ(sent, (std::vector<nanoseconds>{seconds(0), milliseconds(250), milliseconds(500)}));
  EXPECT_EQ(result.latency.max(), milliseconds(1));
  EXPECT_EQ(result.longest_delay, nanoseconds(0));
}

// The server stalls once, for a second. Nine more calls were due meanwhile, and their users waited.
TEST(LoadGeneratorTest, AnOpenLoopTimesACallFromWhenItWasDue) {
  FakeTime time;
  bool stalled = false;
  const LoadResult result = Generate({.rate = 10, .calls = 20}, time, [&] {
    time.now += stalled ? milliseconds(0) : seconds(1);
    stalled = true;
    return absl::OkStatus();
  });
  ASSERT_EQ(result.latency.count(), 20U);
  EXPECT_EQ(result.latency.max(), seconds(1));
  // 1000, 900, ... 100 ms, and then 0 ten times.
  EXPECT_EQ(result.latency.mean(), milliseconds(275));
  EXPECT_EQ(result.longest_delay, milliseconds(900));
}

TEST(LoadGeneratorTest, AnOpenLoopEndsWithTheLastCallThatIsDueInTime) {
  FakeTime time;
  const LoadResult result =
      Generate({.rate = 2, .duration = seconds(3)}, time, [] { return absl::OkStatus(); });
  EXPECT_EQ(result.latency.count(), 6U);
}

TEST(LoadGeneratorTest, CountsErrorsApart) {
  FakeTime time;
  int calls = 0;
  const LoadResult result = Generate({.calls = 5}, time, [&] {
    ++calls;
    if (calls == 2) return absl::ResourceExhaustedError("queue full");
    if (calls == 4) return absl::UnavailableError("draining");
    return absl::OkStatus();
  });
  EXPECT_EQ(result.latency.count(), 3U);
  EXPECT_EQ(result.failed(), 2U);
  EXPECT_EQ(result.errors.at(absl::StatusCode::kUnavailable), 1U);
  EXPECT_EQ(result.first_error.message(), "queue full");
}

TEST(LoadGeneratorTest, SendsACallHoweverShortItsTimeIs) {
  FakeTime time;
  time.clock.now = [&time] { return time.now += milliseconds(10); };
  const LoadResult result =
      Generate({.duration = milliseconds(1)}, time, [] { return absl::OkStatus(); });
  EXPECT_EQ(result.latency.count(), 1U);
}

TEST(LoadGeneratorTest, AStopEndsItAndDoesNotCountWhatItCutShort) {
  FakeTime time;
  std::stop_source stop;
  int calls = 0;
  const LoadResult result = GenerateLoad(
      {.rate = 10, .calls = 1000}, time.clock,
      [&]() -> absl::Status {
        if (++calls < 4) return absl::OkStatus();
        stop.request_stop();
        return absl::CancelledError("cancelled");
      },
      [](size_t, nanoseconds) {}, stop.get_token());
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(result.latency.count(), 3U);
  EXPECT_EQ(result.failed(), 0U);
}

TEST(LoadGeneratorTest, AStopEndsAPause) {
  std::stop_source stop;
  size_t done = 0;
  const LoadResult result = GenerateLoad(
      {.rate = 0.001, .calls = 2}, SteadyLoadClock(stop.get_token()),
      [] { return absl::OkStatus(); },
      [&](size_t so_far, nanoseconds) {
        done = so_far;
        stop.request_stop();  // the next is due in a thousand seconds
      },
      stop.get_token());
  EXPECT_EQ(done, 1U);
  EXPECT_EQ(result.latency.count(), 1U);
}

TEST(LoadGeneratorTest, SendsAsManyAtATimeAsItMay) {
  std::atomic<int> in_flight = 0;
  std::atomic<bool> all_there = false;
  size_t done = 0;
  const LoadResult result = GenerateLoad(
      {.concurrency = 4, .calls = 8}, SteadyLoadClock(),
      [&] {
        const int now = ++in_flight;
        EXPECT_LE(now, 4);
        if (now == 4) {
          all_there = true;
          all_there.notify_all();
        }
        all_there.wait(false);  // for the fourth, which fewer callers would never bring
        --in_flight;
        return absl::OkStatus();
      },
      [&](size_t so_far, nanoseconds) { done = so_far; });
  EXPECT_EQ(result.latency.count(), 8U);
  EXPECT_EQ(done, 8U);
}

}  // namespace
}  // namespace rerankd::client
