// Which sequences are computed together, and when. Pure policy: no threads, no clock, no tensors.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "util/clock.h"

namespace rerankd {

// Holds the waiting sequences of all requests ("jobs") and hands them out as batches.
// Not thread-safe: DynamicBatcher guards it.
//
// Order of jobs: by ideal finish, the time at which a job would be done had it the machine to
// itself since its arrival (arrival + tokens * token_time). A call with one document so passes one
// with ten thousand, and no job starves: once its ideal finish is past, no newcomer overtakes it.
// Order within a job: longest sequence first. Sequences of like length then share a batch, which
// suits attention, and the short ones fill the gaps between the sessions at the end.
//
// Size of a batch: at most `max_batch_tokens` (a single longer sequence goes alone), and while
// little is waiting about a session's equal share of it, so that one request keeps all sessions
// busy.
//
// A batch is ready when `max_batch_tokens` are waiting or the oldest job has waited `max_delay`.
// Jobs that are cancelled or past their deadline never enter a batch; TakeDropped() returns them.
class BatchFormer {
 public:
  using JobId = uint64_t;

  struct Options {
    size_t max_batch_tokens = 1024;
    Duration max_delay{0};
    int sessions = 1;
  };

  struct JobSpec {
    std::vector<uint32_t> lengths;  // tokens of each sequence; not empty
    TimePoint arrival;
    TimePoint deadline = kNoDeadline;
    std::stop_token cancelled;
  };

  struct Item {
    JobId job = 0;
    uint32_t sequence = 0;  // index into JobSpec::lengths
  };

  struct Dropped {
    JobId job = 0;
    bool expired = false;  // else cancelled
  };

  explicit BatchFormer(Options options) : options_(options) {}

  // Adds a job whose id is not in use. `token_time`: time that the whole pool takes for a token.
  void Add(JobId id, JobSpec spec, Duration token_time);

  // Forgets what still waits of a job (it failed elsewhere). Unknown ids are ignored.
  void Remove(JobId id);

  // Takes out the jobs that nobody waits for any more.
  std::vector<Dropped> TakeDropped(TimePoint now);

  // Takes the next batch; empty when none is ready.
  std::vector<Item> TakeBatch(TimePoint now);

  // When to look again if nothing is added before: a batch becomes ready or a deadline passes.
  TimePoint NextEvent() const;

  // Tokens that would be computed before those of a job added now with `tokens`.
  size_t TokensAhead(size_t tokens, TimePoint arrival, Duration token_time) const;

  size_t waiting_tokens() const { return waiting_tokens_; }
  size_t waiting_jobs() const { return jobs_.size(); }
  // Takes every job out, for closing.
  std::vector<JobId> TakeAll();

 private:
  struct Job {
    JobSpec spec;
    std::vector<uint32_t> order;  // sequences, longest first
    size_t next = 0;              // in `order`
    size_t tokens = 0;            // of order[next...]
  };
  // Ideal finish, then order of arrival.
  using Key = std::pair<TimePoint, JobId>;

  void Erase(std::map<Key, Job>::iterator it);

  const Options options_;
  std::map<Key, Job> jobs_;
  size_t waiting_tokens_ = 0;
};

}  // namespace rerankd
