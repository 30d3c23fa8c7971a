// What a model says of itself while it is there: whether a call to it has a chance.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "util/mutex.h"

namespace rerankd {

// Shared by whoever serves calls, who sets it, and whoever shows it. Safe for concurrent use.
class Availability {
 public:
  struct State {
    bool can_serve = true;
    std::string problem;  // one line; empty: there is none
  };

  // `on_change` is told of every change, before the observer is; may be empty, must not block.
  explicit Availability(std::function<void(const State&)> on_change = nullptr)
      : on_change_(std::move(on_change)) {}

  State state() const RERANKD_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return state_;
  }

  // Tells the observer if that is a change.
  void Set(const State& state) RERANKD_EXCLUDES(mutex_) {
    std::shared_ptr<const std::function<void()>> observer;
    {
      const MutexLock lock(mutex_);
      if (state.can_serve == state_.can_serve && state.problem == state_.problem) return;
      state_ = state;
      observer = observer_;
    }
    if (on_change_) on_change_(state);
    if (observer != nullptr && *observer) (*observer)();
  }

  // From now on `observer` is called after every change, on the thread that made it, in place of
  // any earlier observer; a call of an earlier one may still be under way. It must not block.
  void Observe(std::function<void()> observer) RERANKD_EXCLUDES(mutex_) {
    auto shared = std::make_shared<const std::function<void()>>(std::move(observer));
    const MutexLock lock(mutex_);
    observer_.swap(shared);
  }

 private:
  const std::function<void(const State&)> on_change_;
  mutable Mutex mutex_;
  State state_ RERANKD_GUARDED_BY(mutex_);
  std::shared_ptr<const std::function<void()>> observer_ RERANKD_GUARDED_BY(mutex_);
};

}  // namespace rerankd
