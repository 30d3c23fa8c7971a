#include "providers/key_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "core/errors.h"
#include "http/curl_async_client.h"
#include "support/fake_async_client.h"

namespace rerankd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class KeyLimitsTest : public testing::Test {
 protected:
  using Slot = KeyLimits::Slot;

  // What became of one who asked.
  struct Asked {
    std::optional<absl::StatusOr<Slot>> outcome;
    bool goes() const { return outcome.has_value() && outcome->ok(); }
    absl::StatusCode code() const {
      return outcome.has_value() ? outcome->status().code() : absl::StatusCode::kUnknown;
    }
  };

  std::shared_ptr<Asked> Ask(const std::string& key, const std::stop_token& stop = {}) {
    auto asked = std::make_shared<Asked>();
    limits_->Acquire(key, {.max_running = 1, .max_waiting = 2}, deadline_, stop,
                     [asked](absl::StatusOr<Slot> slot) { asked->outcome = std::move(slot); });
    return asked;
  }

  const TimePoint deadline_ = TimePoint() + std::chrono::seconds(1);
  FakeAsyncClient timers_;
  std::shared_ptr<KeyLimits> limits_ = std::make_shared<KeyLimits>(timers_);
};

TEST_F(KeyLimitsTest, EachKeyHasItsOwn) {
  const auto a = Ask("a");
  const auto b = Ask("b");
  EXPECT_TRUE(a->goes());
  EXPECT_TRUE(b->goes());
  EXPECT_FALSE(limits_->TryAcquire("a", {.max_running = 1}).has_value());
  EXPECT_TRUE(limits_->TryAcquire("a", {.max_running = 2}).has_value());
}

TEST_F(KeyLimitsTest, TheNextGoesWhenASlotComesBack) {
  const auto first = Ask("a");
  const auto second = Ask("a");
  const auto third = Ask("a");
  EXPECT_EQ(Ask("a")->code(), absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(second->goes());
  first->outcome.reset();
  EXPECT_TRUE(second->goes());
  EXPECT_FALSE(third->goes());
  EXPECT_THAT(timers_.timers(), ElementsAre(deadline_)) << "of the third";
  second->outcome.reset();
  EXPECT_TRUE(third->goes());
  third->outcome.reset();
  EXPECT_THAT(timers_.timers(), IsEmpty());
  EXPECT_EQ(limits_->keys(), 0) << "keys that nobody uses are forgotten";
}

TEST_F(KeyLimitsTest, ARefusalSaysWhenToComeBack) {
  const auto held = Ask("a");
  [[maybe_unused]] const auto waiting = {Ask("a"), Ask("a")};
  const auto refused = Ask("a");
  EXPECT_EQ(ReasonOf(refused->outcome->status()), "QUEUE_FULL");
  EXPECT_TRUE(RetryAfterOf(refused->outcome->status()).has_value());
}

TEST_F(KeyLimitsTest, WhoeverIsNoLongerWaitedForGivesUp) {
  std::stop_source gone;
  const auto held = Ask("a");
  const auto cancelled = Ask("a", gone.get_token());
  const auto late = Ask("a");
  gone.request_stop();
  EXPECT_EQ(cancelled->code(), absl::StatusCode::kCancelled);
  timers_.RunTimer();
  EXPECT_EQ(late->code(), absl::StatusCode::kDeadlineExceeded);
  held->outcome.reset();
  EXPECT_EQ(limits_->keys(), 0);
}

TEST_F(KeyLimitsTest, ManyThatGiveUpTheirTurnAtOnceNeedNoStack) {
  const auto held = Ask("a");
  int turns = 0;
  for (int i = 0; i < 100'000; ++i) {
    limits_->Acquire("a", {.max_running = 1, .max_waiting = 1'000'000}, deadline_, {},
                     [&](const absl::StatusOr<Slot>& slot) { turns += slot.ok() ? 1 : 0; });
  }
  held->outcome.reset();
  EXPECT_EQ(turns, 100'000);
}

TEST(KeyLimitsThreadsTest, NeverMoreThanAllowedRunAndAllAreAnswered) {
  CurlAsyncClient timers({});
  const auto limits = std::make_shared<KeyLimits>(timers);
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::atomic<int> answered{0};
  constexpr int kThreads = 4;
  constexpr int kEach = 200;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < kEach; ++i) {
          std::stop_source stop;
          limits->Acquire("key", {.max_running = 2, .max_waiting = 10'000},
                          std::chrono::steady_clock::now() + std::chrono::seconds(100),
                          stop.get_token(), [&](absl::StatusOr<KeyLimits::Slot> slot) {
                            if (slot.ok()) {
                              const int now = ++running;
                              for (int seen = most; seen < now;) {
                                if (most.compare_exchange_weak(seen, now)) break;
                              }
                              --running;
                            }
                            ++answered;
                          });
          if (i % 4 == 0) stop.request_stop();
        }
      });
    }
  }
  while (answered != kThreads * kEach) std::this_thread::yield();
  EXPECT_LE(most, 2);
  EXPECT_EQ(limits->keys(), 0);
}

}  // namespace
}  // namespace rerankd
