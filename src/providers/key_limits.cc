#include "providers/key_limits.h"

#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <optional>

#include "core/errors.h"
#include "util/no_throw.h"

namespace rerankd {

void KeyLimits::Slot::Release() noexcept {
  const std::shared_ptr<KeyLimits> owner = std::move(owner_);
  if (owner != nullptr) owner->Release(key_);
}

void KeyLimits::Acquire(const std::string& key, const Limit& limit, TimePoint deadline,
                        const std::stop_token& stop, Granted granted) {
  const auto waiter = std::make_shared<Waiter>(std::move(granted), stop);
  std::string own = key;  // memory first: a slot that was taken has to be given back
  uint64_t id = 0;
  CallLimit::Entry entry{};
  {
    const MutexLock lock(mutex_);
    id = next_id_++;
    const auto one = keys_.try_emplace(key).first;
    try {
      one->second.waiters[id].push_back({key, waiter});
      entry = one->second.calls.Enter(id, limit.max_running, limit.max_waiting);
    } catch (...) {
      one->second.waiters.erase(id);
      if (one->second.calls.empty()) keys_.erase(one);
      throw;
    }
    if (entry != CallLimit::Entry::kWaits) one->second.waiters.erase(id);
  }
  switch (entry) {
    case CallLimit::Entry::kGoes:
      std::move(waiter->granted)(Slot(shared_from_this(), std::move(own)));
      break;
    case CallLimit::Entry::kRefused:
      std::move(waiter->granted)(WithReason(
          RetryLater(fmt::format("{} calls wait for their turn with this key, as many as may; "
                                 "retry later",
                                 limit.max_waiting),
                     std::chrono::seconds(1)),
          "QUEUE_FULL"));
      break;
    case CallLimit::Entry::kWaits:
      try {
        // Should it have had its turn by now, the timer is stopped already.
        timers_.RunAt(deadline, waiter->timer.get_token(),
                      [self = shared_from_this(), key, id, stop](const absl::Status& status) {
                        self->GiveUp(key, id, stop, status);
                      });
      } catch (...) {
        // Nobody would end it at its deadline.
        const bool waited = Withdraw(key, id) != nullptr;
        RunReady();
        if (waited) throw;
      }
      break;
  }
}

std::optional<KeyLimits::Slot> KeyLimits::TryAcquire(const std::string& key, const Limit& limit) {
  std::string own = key;  // memory first: a slot that was taken has to be given back
  const MutexLock lock(mutex_);
  OneKey& one = keys_.try_emplace(key).first->second;
  if (one.calls.Enter(next_id_++, limit.max_running, 0) != CallLimit::Entry::kGoes) {
    return std::nullopt;
  }
  return Slot(shared_from_this(), std::move(own));
}

size_t KeyLimits::keys() const {
  const MutexLock lock(mutex_);
  return keys_.size();
}

void KeyLimits::GiveUp(const std::string& key, uint64_t id, const std::stop_token& stop,
                       const absl::Status& timer) {
  const std::shared_ptr<Waiter> waiter = Withdraw(key, id);
  if (waiter == nullptr) return;
  RunReady();
  if (timer.ok()) {
    std::move(waiter->granted)(absl::DeadlineExceededError("the call's deadline has passed"));
  } else {
    std::move(waiter->granted)(stop.stop_requested() ? absl::CancelledError("cancelled") : timer);
  }
}

std::shared_ptr<KeyLimits::Waiter> KeyLimits::Withdraw(const std::string& key, uint64_t id) {
  const MutexLock lock(mutex_);
  const auto one = keys_.find(key);
  if (one == keys_.end() || !one->second.calls.Withdraw(id)) return nullptr;
  const auto found = one->second.waiters.find(id);
  std::shared_ptr<Waiter> waiter = std::move(found->second.front().waiter);
  one->second.waiters.erase(found);
  Advance(one);  // who came after it may need less
  return waiter;
}

void KeyLimits::Release(const std::string& key) noexcept {
  {
    const MutexLock lock(mutex_);
    const auto one = keys_.find(key);
    one->second.calls.Leave();
    Advance(one);
  }
  RunReady();
}

void KeyLimits::Advance(std::unordered_map<std::string, OneKey>::iterator at) noexcept {
  OneKey& one = at->second;
  while (const auto next = one.calls.TakeNext()) {
    const auto found = one.waiters.find(*next);
    ready_.splice(ready_.end(), found->second);
    one.waiters.erase(found);
  }
  if (one.calls.empty()) keys_.erase(at);
}

void KeyLimits::RunReady() noexcept {
  bool first = true;
  while (true) {
    Queue next;
    {
      const MutexLock lock(mutex_);
      if (first && running_ready_) return;
      first = false;
      running_ready_ = !ready_.empty();
      if (ready_.empty()) return;
      next.splice(next.end(), ready_, ready_.begin());
    }
    Ready& ready = next.front();
    ready.waiter->timer.request_stop();
    Slot slot(shared_from_this(), std::move(ready.key));
    (void)WithoutThrowing([&] {
      std::move(ready.waiter->granted)(std::move(slot));
      return absl::OkStatus();
    });
  }
}

}  // namespace rerankd
