// A limit on the calls that are sent with one key of a provider at the same time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "http/async_http_client.h"
#include "providers/call_limit.h"
#include "util/clock.h"
#include "util/mutex.h"

namespace rerankd {

// Shared by all entries, so that two of them with one key are counted together. Safe for concurrent
// use; no thread waits.
class KeyLimits : public std::enable_shared_from_this<KeyLimits> {
 public:
  // The right to send a call, given back when it goes away.
  class Slot {
   public:
    Slot() = default;
    Slot(std::shared_ptr<KeyLimits> owner, std::string key)
        : owner_(std::move(owner)), key_(std::move(key)) {}
    Slot(Slot&&) = default;
    Slot& operator=(Slot&& other) noexcept {
      Release();
      owner_ = std::move(other.owner_);
      key_ = std::move(other.key_);
      return *this;
    }
    ~Slot() { Release(); }
    void Release() noexcept;

   private:
    std::shared_ptr<KeyLimits> owner_;
    std::string key_;
  };
  using Granted = absl::AnyInvocable<void(absl::StatusOr<Slot>) &&>;

  struct Limit {
    size_t max_running = 0;  // 0: none
    size_t max_waiting = 0;
  };

  // `timers` outlives what waits.
  explicit KeyLimits(AsyncHttpClient& timers) : timers_(timers) {}

  // Runs `granted` exactly once, possibly before it returns: with a slot once there is one;
  // with RESOURCE_EXHAUSTED (QUEUE_FULL), DEADLINE_EXCEEDED or CANCELLED else. `key` is whatever
  // tells keys apart.
  void Acquire(const std::string& key, const Limit& limit, TimePoint deadline,
               const std::stop_token& stop, Granted granted) RERANKD_EXCLUDES(mutex_);

  // A slot that is free now, if one is.
  std::optional<Slot> TryAcquire(const std::string& key, const Limit& limit)
      RERANKD_EXCLUDES(mutex_);

  // Keys that are in use.
  size_t keys() const RERANKD_EXCLUDES(mutex_);

 private:
  struct Waiter {
    Waiter(Granted run, const std::stop_token& stop)
        : granted(std::move(run)),
          on_stop(stop, [timer = timer]() mutable { timer.request_stop(); }) {}
    Granted granted;
    std::stop_source timer;  // of its deadline; stopped once it has a slot or its caller has gone
    std::stop_callback<std::function<void()>> on_stop;
  };
  struct Ready {
    std::string key;
    std::shared_ptr<Waiter> waiter;
  };
  // Each waiter is a list of one, made before it waits: whoever gives a slot back must not need
  // memory to move it.
  using Queue = std::list<Ready>;
  struct OneKey {
    CallLimit calls;
    std::unordered_map<uint64_t, Queue> waiters;
  };

  void Release(const std::string& key) noexcept RERANKD_EXCLUDES(mutex_);
  // Finds out whose turn it is now, and forgets a key that nobody uses.
  void Advance(std::unordered_map<std::string, OneKey>::iterator at) noexcept
      RERANKD_REQUIRES(mutex_);
  // The waiter, if it still waits.
  std::shared_ptr<Waiter> Withdraw(const std::string& key, uint64_t id) RERANKD_EXCLUDES(mutex_);
  void RunReady() noexcept RERANKD_EXCLUDES(mutex_);
  // `timer`: how its timer ended.
  void GiveUp(const std::string& key, uint64_t id, const std::stop_token& stop,
              const absl::Status& timer) RERANKD_EXCLUDES(mutex_);

  AsyncHttpClient& timers_;
  mutable Mutex mutex_;
  uint64_t next_id_ RERANKD_GUARDED_BY(mutex_) = 1;
  std::unordered_map<std::string, OneKey> keys_ RERANKD_GUARDED_BY(mutex_);
  // Waiters whose turn it is. One thread at a time runs them, in a loop: a waiter that gives its
  // slot back at once would else run the next one inside itself, and that the one after.
  Queue ready_ RERANKD_GUARDED_BY(mutex_);
  bool running_ready_ RERANKD_GUARDED_BY(mutex_) = false;
};

}  // namespace rerankd
