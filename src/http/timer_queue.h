// Values in the order of their times.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "util/clock.h"

namespace rerankd {

// Not thread-safe. Equal times keep the order of the ids.
template <typename T>
class TimerQueue {
 public:
  // Takes `value`, unless it throws for want of memory. REQUIRES: no other value has this id.
  void Add(TimePoint when, uint64_t id, T&& value) {
    const auto at = by_time_.try_emplace(std::pair(when, id)).first;
    try {
      times_.emplace(id, when);
    } catch (...) {
      by_time_.erase(at);
      throw;
    }
    at->second = std::move(value);
  }
  std::optional<T> Remove(uint64_t id) {
    const auto found = times_.find(id);
    return found == times_.end() ? std::nullopt : Take(by_time_.find({found->second, id}));
  }
  // One of those whose time has come, the earliest first.
  std::optional<T> TakeDue(TimePoint now) {
    return by_time_.empty() || Next() > now ? std::nullopt : Take(by_time_.begin());
  }
  std::optional<T> TakeAny() { return by_time_.empty() ? std::nullopt : Take(by_time_.begin()); }
  // The earliest time; kNoDeadline when there is none.
  TimePoint Next() const { return by_time_.empty() ? kNoDeadline : by_time_.begin()->first.first; }
  bool empty() const { return by_time_.empty(); }

 private:
  using Map = std::map<std::pair<TimePoint, uint64_t>, T>;

  std::optional<T> Take(typename Map::iterator at) {
    std::optional<T> value(std::move(at->second));
    times_.erase(at->first.second);
    by_time_.erase(at);
    return value;
  }

  Map by_time_;
  std::unordered_map<uint64_t, TimePoint> times_;
};

}  // namespace rerankd
