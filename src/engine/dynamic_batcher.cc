#include "engine/dynamic_batcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/errors.h"

namespace rerankd {
namespace {

// A guess for the first moments; only the order of the first jobs depends on it.
constexpr Duration kInitialTokenTime = std::chrono::microseconds(50);
constexpr size_t kTrustedBatches = 16;

absl::Status Closed() {
  return WithReason(absl::UnavailableError("the model is being shut down, try another replica"),
                    "DRAINING");
}

}  // namespace

void TokenTime::Add(size_t tokens, Duration took, int sessions) {
  constexpr double kKeep = 0.9;
  tokens_ = tokens_ * kKeep + static_cast<double>(tokens);
  seconds_ = seconds_ * kKeep + std::chrono::duration<double>(took).count() / sessions;
  ++batches_;
}

Duration TokenTime::get() const {
  if (tokens_ <= 0) return kInitialTokenTime;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds_ / tokens_));
}

bool TokenTime::trusted() const { return batches_ >= kTrustedBatches; }

DynamicBatcher::DynamicBatcher(BatchFormer::Options options)
    : sessions_(std::max(1, options.sessions)), former_(options) {}

absl::Status DynamicBatcher::CheckWait(size_t tokens, const Job::Spec& spec) const {
  if (spec.deadline == kNoDeadline || !token_time_.trusted()) return absl::OkStatus();
  const auto wait_for = [token_time = token_time_.get()](size_t ahead) {
    return token_time * static_cast<Duration::rep>(ahead);
  };
  if (spec.arrival + wait_for(former_.waiting_tokens() + running_tokens_) <= spec.deadline) {
    return absl::OkStatus();
  }
  const Duration wait =
      wait_for(former_.TokensAhead(tokens, spec.arrival, token_time_.get()) + running_tokens_);
  if (spec.arrival + wait <= spec.deadline) return absl::OkStatus();
  const auto wait_ms = std::chrono::ceil<std::chrono::milliseconds>(wait);
  return WithReason(RetryLater(fmt::format("about {} ms of work are queued, more than the deadline "
                                           "leaves; retry later or with a longer deadline",
                                           wait_ms.count()),
                               wait_ms),
                    "QUEUE_TOO_LONG");
}

void DynamicBatcher::Submit(const std::shared_ptr<Job>& job) {
  const Job::Spec& spec = job->spec();
  BatchFormer::JobSpec waiting{
      .arrival = spec.arrival, .deadline = spec.deadline, .cancelled = spec.cancelled};
  waiting.lengths.reserve(spec.sequences.size());
  size_t tokens = 0;
  for (const Encoding& sequence : spec.sequences) {
    waiting.lengths.push_back(static_cast<uint32_t>(sequence.ids.size()));
    tokens += sequence.ids.size();
  }
  absl::Status refused;
  {
    MutexLock lock(mutex_);
    refused = closed_ ? Closed() : CheckWait(tokens, spec);
    if (refused.ok()) {
      const BatchFormer::JobId id = next_id_++;
      const size_t sequences = waiting.lengths.size();
      const auto queued = jobs_.emplace(id, Queued{job, sequences}).first;
      try {
        former_.Add(id, std::move(waiting), token_time_.get());
      } catch (...) {  // out of memory
        jobs_.erase(queued);
        throw;
      }
    }
  }
  if (!refused.ok()) {
    job->Fail(std::move(refused));
    return;
  }
  // A large job has work for every session.
  changed_.NotifyAll();
}

std::shared_ptr<Job> DynamicBatcher::Release(BatchFormer::JobId id) {
  const auto it = jobs_.find(id);
  std::shared_ptr<Job> job = std::move(it->second.job);
  jobs_.erase(it);
  return job;
}

std::vector<std::pair<std::shared_ptr<Job>, absl::Status>> DynamicBatcher::TakeDropped(
    TimePoint now) {
  std::vector<std::pair<std::shared_ptr<Job>, absl::Status>> dropped;
  for (const BatchFormer::Dropped& drop : former_.TakeDropped(now)) {
    dropped.emplace_back(
        Release(drop.job),
        drop.expired ? absl::DeadlineExceededError("the deadline passed while the call was queued")
                     : absl::CancelledError("the caller went away while the call was queued"));
  }
  return dropped;
}

DynamicBatcher::Batch DynamicBatcher::Next() {
  for (;;) {
    Batch batch;
    std::vector<std::pair<std::shared_ptr<Job>, absl::Status>> dropped;
    {
      MutexLock lock(mutex_);
      for (;;) {
        if (closed_) return batch;
        const TimePoint now = std::chrono::steady_clock::now();
        dropped = TakeDropped(now);
        for (const BatchFormer::Item& item : former_.TakeBatch(now)) {
          Queued& queued = jobs_.at(item.job);
          batch.tokens += queued.job->spec().sequences[item.sequence].ids.size();
          if (--queued.waiting > 0) {
            batch.items.push_back({queued.job, item.sequence, item.job});
          } else {
            batch.items.push_back({Release(item.job), item.sequence, item.job});
          }
        }
        if (!batch.items.empty() || !dropped.empty()) break;
        changed_.WaitUntil(mutex_, former_.NextEvent());
      }
      running_tokens_ += batch.tokens;
    }
    for (auto& [job, status] : dropped) job->Fail(std::move(status));
    if (!batch.items.empty()) return batch;
  }
}

void DynamicBatcher::Finished(const Batch& batch, Duration took) {
  MutexLock lock(mutex_);
  running_tokens_ -= batch.tokens;
  token_time_.Add(batch.tokens, took, sessions_);
  // What is left of a job whose other half failed needs no computing.
  for (const Batch::Item& item : batch.items) {
    if (!item.job->finished() || !jobs_.contains(item.id)) continue;
    former_.Remove(item.id);
    jobs_.erase(item.id);
  }
}

void DynamicBatcher::Close() {
  std::vector<std::shared_ptr<Job>> waiting;
  {
    MutexLock lock(mutex_);
    closed_ = true;
    for (const BatchFormer::JobId id : former_.TakeAll()) waiting.push_back(Release(id));
  }
  changed_.NotifyAll();
  for (const std::shared_ptr<Job>& job : waiting) job->Fail(Closed());
}

Duration DynamicBatcher::EstimatedWait() const {
  MutexLock lock(mutex_);
  return token_time_.get() * static_cast<Duration::rep>(former_.waiting_tokens() + running_tokens_);
}

}  // namespace rerankd
