// Joins the sequences of concurrent requests into batches for the sessions.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "engine/batch_former.h"
#include "engine/job.h"
#include "util/mutex.h"

namespace rerankd {

// The time that a pool of sessions takes for a token, from the batches it finished: a ratio of
// sums that forget, so that large batches count for what they are. Not thread-safe.
class TokenTime {
 public:
  void Add(size_t tokens, Duration took, int sessions);
  Duration get() const;
  // Enough batches were seen to refuse work on account of it.
  bool trusted() const;

 private:
  double tokens_ = 0;
  double seconds_ = 0;
  size_t batches_ = 0;
};

// BatchFormer with a lock: requests submit jobs, sessions pull batches, so no thread of its own
// stands between them. Safe for concurrent use. How much may wait is bounded by the caller
// (LocalReranker's admission). No completion runs under the lock.
class DynamicBatcher {
 public:
  struct Batch {
    struct Item {
      std::shared_ptr<Job> job;
      uint32_t sequence = 0;
      BatchFormer::JobId id = 0;
    };
    std::vector<Item> items;  // empty: the batcher is closed and drained
    size_t tokens = 0;
  };

  explicit DynamicBatcher(BatchFormer::Options options);

  // Queues a job. If it cannot be taken the job fails before this returns: UNAVAILABLE when closed,
  // RESOURCE_EXHAUSTED (with a time to retry) when the wait would outlast its deadline.
  void Submit(const std::shared_ptr<Job>& job) RERANKD_EXCLUDES(mutex_);

  // Blocks until a batch is ready or the batcher is closed. Jobs that nobody waits for fail here
  // with DEADLINE_EXCEEDED or CANCELLED.
  Batch Next() RERANKD_EXCLUDES(mutex_);

  // Tells what a batch took, from which waits are estimated, and drops what still waits of failed
  // jobs.
  void Finished(const Batch& batch, Duration took) RERANKD_EXCLUDES(mutex_);

  // Fails what waits with UNAVAILABLE; later jobs likewise. Next() returns empty from now on.
  void Close() RERANKD_EXCLUDES(mutex_);

  // How long what is queued and running will take, from measured batches.
  Duration EstimatedWait() const RERANKD_EXCLUDES(mutex_);

 private:
  std::vector<std::pair<std::shared_ptr<Job>, absl::Status>> TakeDropped(TimePoint now)
      RERANKD_REQUIRES(mutex_);
  std::shared_ptr<Job> Release(BatchFormer::JobId id) RERANKD_REQUIRES(mutex_);
  // RESOURCE_EXHAUSTED when `tokens` more would begin only after the deadline.
  absl::Status CheckWait(size_t tokens, const Job::Spec& spec) const RERANKD_REQUIRES(mutex_);

  const int sessions_;
  mutable Mutex mutex_;
  CondVar changed_;
  BatchFormer former_ RERANKD_GUARDED_BY(mutex_);
  struct Queued {
    std::shared_ptr<Job> job;
    size_t waiting = 0;  // sequences not yet handed out
  };
  std::unordered_map<BatchFormer::JobId, Queued> jobs_ RERANKD_GUARDED_BY(mutex_);
  BatchFormer::JobId next_id_ RERANKD_GUARDED_BY(mutex_) = 0;
  size_t running_tokens_ RERANKD_GUARDED_BY(mutex_) = 0;
  TokenTime token_time_ RERANKD_GUARDED_BY(mutex_);
  bool closed_ RERANKD_GUARDED_BY(mutex_) = false;
};

}  // namespace rerankd
