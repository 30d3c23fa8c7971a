#include "engine/batch_former.h"

#include <algorithm>
#include <numeric>

namespace rerankd {
namespace {

// Below this many rows the matrix products lose efficiency faster than another session gains.
constexpr size_t kMinShareTokens = 128;

TimePoint IdealFinish(size_t tokens, TimePoint arrival, Duration token_time) {
  return arrival + token_time * static_cast<Duration::rep>(tokens);
}

}  // namespace

void BatchFormer::Add(JobId id, JobSpec spec, Duration token_time) {
  Job job{.spec = std::move(spec)};
  const std::vector<uint32_t>& lengths = job.spec.lengths;
  job.order.resize(lengths.size());
  std::iota(job.order.begin(), job.order.end(), 0U);
  // By position where lengths are equal. Not std::stable_sort, whose buffer clang calls deprecated.
  std::ranges::sort(job.order, [&](uint32_t a, uint32_t b) {
    return lengths[a] != lengths[b] ? lengths[a] > lengths[b] : a < b;
  });
  job.tokens = std::accumulate(lengths.begin(), lengths.end(), size_t{0});
  const size_t tokens = job.tokens;
  const Key key{IdealFinish(tokens, job.spec.arrival, token_time), id};
  jobs_.emplace(key, std::move(job));
  waiting_tokens_ += tokens;
}

void BatchFormer::Erase(std::map<Key, Job>::iterator it) {
  waiting_tokens_ -= it->second.tokens;
  jobs_.erase(it);
}

void BatchFormer::Remove(JobId id) {
  const auto it = std::find_if(jobs_.begin(), jobs_.end(),
                               [&](const auto& entry) { return entry.first.second == id; });
  if (it != jobs_.end()) Erase(it);
}

std::vector<BatchFormer::Dropped> BatchFormer::TakeDropped(TimePoint now) {
  std::vector<Dropped> dropped;
  for (auto it = jobs_.begin(); it != jobs_.end();) {
    const auto current = it++;
    const bool expired = current->second.spec.deadline <= now;
    if (!expired && !current->second.spec.cancelled.stop_requested()) continue;
    dropped.push_back({current->first.second, expired});
    Erase(current);
  }
  return dropped;
}

std::vector<BatchFormer::Item> BatchFormer::TakeBatch(TimePoint now) {
  std::vector<Item> batch;
  if (jobs_.empty()) return batch;
  if (waiting_tokens_ < options_.max_batch_tokens) {
    const bool waited = std::any_of(jobs_.begin(), jobs_.end(), [&](const auto& entry) {
      return entry.second.spec.arrival + options_.max_delay <= now;
    });
    if (!waited) return batch;
  }
  const auto sessions = static_cast<size_t>(std::max(1, options_.sessions));
  const size_t share = std::max((waiting_tokens_ + sessions - 1) / sessions, kMinShareTokens);
  const size_t budget = std::min(share, options_.max_batch_tokens);
  size_t used = 0;
  while (!jobs_.empty()) {
    const auto it = jobs_.begin();
    Job& job = it->second;
    while (job.next < job.order.size()) {
      const uint32_t sequence = job.order[job.next];
      const size_t length = job.spec.lengths[sequence];
      if (!batch.empty() && used + length > budget) return batch;
      batch.push_back({it->first.second, sequence});
      used += length;
      job.tokens -= length;
      waiting_tokens_ -= length;
      ++job.next;
    }
    Erase(it);
  }
  return batch;
}

TimePoint BatchFormer::NextEvent() const {
  TimePoint next = TimePoint::max();
  for (const auto& [key, job] : jobs_) {
    next = std::min({next, job.spec.deadline, job.spec.arrival + options_.max_delay});
  }
  return next;
}

size_t BatchFormer::TokensAhead(size_t tokens, TimePoint arrival, Duration token_time) const {
  const TimePoint finish = IdealFinish(tokens, arrival, token_time);
  size_t ahead = 0;
  for (const auto& [key, job] : jobs_) {
    if (key.first > finish) break;
    ahead += job.tokens;
  }
  return ahead;
}

std::vector<BatchFormer::JobId> BatchFormer::TakeAll() {
  std::vector<JobId> ids;
  ids.reserve(jobs_.size());
  for (const auto& [key, job] : jobs_) ids.push_back(key.second);
  jobs_.clear();
  waiting_tokens_ = 0;
  return ids;
}

}  // namespace rerankd
