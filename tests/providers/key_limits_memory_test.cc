// KeyLimits while there is no memory: a slot that comes back in a destructor must reach the next
// one all the same. In a file of its own for the allocator that it replaces.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "providers/key_limits.h"

namespace {

thread_local bool starving = false;

// While there is one, this thread gets no memory.
struct Starving {
  Starving() { starving = true; }
  ~Starving() { starving = false; }
  Starving(const Starving&) = delete;
  Starving& operator=(const Starving&) = delete;
};

}  // namespace

// Not inlined: the compiler would see memory of one kind freed as the other.
[[gnu::noinline]] void* operator new(size_t size) {
  if (void* const memory = starving ? nullptr : std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return starving ? nullptr : std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace rerankd {
namespace {

// Timers that never run out.
class NoTimers : public AsyncHttpClient {
 public:
  void Send(std::shared_ptr<const HttpRequest>, TimePoint, std::stop_token, Done) override {}
  void RunAt(TimePoint, std::stop_token, Tick tick) override {
    if (breaks) throw std::bad_alloc();
    last = std::move(tick);
  }
  Tick last;
  bool breaks = false;
};

class KeyLimitsMemoryTest : public testing::Test {
 protected:
  using Answer = std::optional<absl::StatusOr<KeyLimits::Slot>>;

  void Ask(Answer& answer) {
    limits_->Acquire(
        kKey, {.max_running = 1, .max_waiting = 2}, kNoDeadline, {},
        [&answer](absl::StatusOr<KeyLimits::Slot> slot) { answer.emplace(std::move(slot)); });
  }

  // Longer than what a string holds in itself.
  const std::string kKey = "key\nhttps://api.example.com:443\nsome-key";
  NoTimers timers_;
  std::shared_ptr<KeyLimits> limits_ = std::make_shared<KeyLimits>(timers_);
};

TEST_F(KeyLimitsMemoryTest, ASlotThatComesBackReachesTheNext) {
  Answer first;
  Answer second;
  Ask(first);
  Ask(second);
  ASSERT_TRUE(first.has_value());
  ASSERT_FALSE(second.has_value());
  {
    const Starving now;
    first.reset();
  }
  ASSERT_TRUE(second.has_value() && second->ok());
  second.reset();
  EXPECT_EQ(limits_->keys(), 0);
}

TEST_F(KeyLimitsMemoryTest, WhoeverCannotWaitLeavesNothingBehind) {
  Answer first;
  Answer second;
  Ask(first);
  {
    const Starving now;
    EXPECT_THROW(limits_->TryAcquire(kKey, {.max_running = 5}), std::bad_alloc);
  }
  timers_.breaks = true;
  EXPECT_THROW(Ask(second), std::bad_alloc);
  first.reset();
  EXPECT_FALSE(second.has_value());
  EXPECT_EQ(limits_->keys(), 0);
}

}  // namespace
}  // namespace rerankd
