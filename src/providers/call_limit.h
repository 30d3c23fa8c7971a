// How many calls go at once, and who is next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>

namespace rerankd {

// Calls that share something of which only so many may be used at once; the rest wait in the order
// of their arrival. Pure. Not thread-safe.
class CallLimit {
 public:
  enum class Entry {
    kGoes,
    kWaits,
    kRefused,  // too many wait
  };

  // `id` is of no call that waits. At most `max_running` (0: any number) run beside this one, and
  // at most `max_waiting` wait with it.
  Entry Enter(uint64_t id, size_t max_running, size_t max_waiting);
  // A call that ran has ended.
  void Leave() { --running_; }
  // Who may run now, if anybody; runs from here on. Ask until nobody may.
  std::optional<uint64_t> TakeNext();
  // A call no longer waits. False: it does not wait, but ran or was taken.
  bool Withdraw(uint64_t id);

  bool empty() const { return running_ == 0 && waiting_.empty(); }
  size_t running() const { return running_; }
  size_t waiting() const { return waiting_.size(); }

 private:
  struct Waiting {
    uint64_t id = 0;
    size_t max_running = 0;
  };

  size_t running_ = 0;
  std::list<Waiting> waiting_;
  std::unordered_map<uint64_t, std::list<Waiting>::iterator> by_id_;
};

}  // namespace rerankd
