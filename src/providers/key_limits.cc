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
  uint64_t id = 0;
  CallLimit::Entry entry{};
  {
    const MutexLock lock(mutex_);
    id = next_id_++;
    OneKey& one = keys_[key];
    entry = one.calls.Enter(id, limit.max_running, limit.max_waiting);
    if (entry == CallLimit::Entry::kWaits) one.waiters.emplace(id, waiter);
  }
  switch (entry) {
    case CallLimit::Entry::kGoes:
      std::move(waiter->granted)(Slot(shared_from_this(), key));
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
      // Should it have had its turn by now, the timer is stopped already.
      timers_.RunAt(deadline, waiter->timer.get_token(),
                    [self = shared_from_this(), key, id, stop](const absl::Status& status) {
                      self->GiveUp(key, id, stop, status);
                    });
      break;
  }
}

std::optional<KeyLimits::Slot> KeyLimits::TryAcquire(const std::string& key, const Limit& limit) {
  const MutexLock lock(mutex_);
  if (keys_[key].calls.Enter(next_id_++, limit.max_running, 0) != CallLimit::Entry::kGoes) {
    return std::nullopt;
  }
  return Slot(shared_from_this(), key);
}

size_t KeyLimits::keys() const {
  const MutexLock lock(mutex_);
  return keys_.size();
}

void KeyLimits::GiveUp(const std::string& key, uint64_t id, const std::stop_token& stop,
                       const absl::Status& timer) {
  std::shared_ptr<Waiter> waiter;
  {
    const MutexLock lock(mutex_);
    const auto one = keys_.find(key);
    if (one == keys_.end() || !one->second.calls.Withdraw(id)) return;
    const auto found = one->second.waiters.find(id);
    waiter = std::move(found->second);
    one->second.waiters.erase(found);
    Advance(one);  // who came after it may need less
  }
  RunReady();
  if (timer.ok()) {
    std::move(waiter->granted)(absl::DeadlineExceededError("the call's deadline has passed"));
  } else {
    std::move(waiter->granted)(stop.stop_requested() ? absl::CancelledError("cancelled") : timer);
  }
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

void KeyLimits::Advance(std::unordered_map<std::string, OneKey>::iterator at) {
  OneKey& one = at->second;
  while (const auto next = one.calls.TakeNext()) {
    const auto found = one.waiters.find(*next);
    ready_.push_back({at->first, std::move(found->second)});
    one.waiters.erase(found);
  }
  if (one.calls.empty()) keys_.erase(at);
}

void KeyLimits::RunReady() noexcept {
  bool first = true;
  while (true) {
    Ready next;
    {
      const MutexLock lock(mutex_);
      if (first && running_ready_) return;
      first = false;
      running_ready_ = !ready_.empty();
      if (ready_.empty()) return;
      next = std::move(ready_.front());
      ready_.pop_front();
    }
    next.waiter->timer.request_stop();
    (void)WithoutThrowing([&] {
      std::move(next.waiter->granted)(Slot(shared_from_this(), next.key));
      return absl::OkStatus();
    });
  }
}

}  // namespace rerankd
