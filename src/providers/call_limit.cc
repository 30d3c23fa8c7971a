#include "providers/call_limit.h"

namespace rerankd {

CallLimit::Entry CallLimit::Enter(uint64_t id, size_t max_running, size_t max_waiting) {
  if (max_running == 0 || (waiting_.empty() && running_ < max_running)) {
    ++running_;
    return Entry::kGoes;
  }
  if (waiting_.size() >= max_waiting) return Entry::kRefused;
  const auto place = by_id_.try_emplace(id).first;
  try {
    place->second = waiting_.insert(waiting_.end(), {id, max_running});
  } catch (...) {
    by_id_.erase(place);
    throw;
  }
  return Entry::kWaits;
}

std::optional<uint64_t> CallLimit::TakeNext() {
  if (waiting_.empty() || running_ >= waiting_.front().max_running) return std::nullopt;
  const uint64_t id = waiting_.front().id;
  by_id_.erase(id);
  waiting_.pop_front();
  ++running_;
  return id;
}

bool CallLimit::Withdraw(uint64_t id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return false;
  waiting_.erase(found->second);
  by_id_.erase(found);
  return true;
}

}  // namespace rerankd
