// Spans between the calls that leave them and whoever sends them away.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "observability/tracing/span.h"
#include "util/clock.h"
#include "util/mutex.h"

namespace rerankd {

// Holds what came in until a batch of it is due: when it is large enough, or when the oldest span
// has waited long enough. What finds no room is dropped and counted: a collector that does not
// keep up costs a bounded amount of memory, and calls nothing but that. All methods may be called
// from any thread.
class SpanQueue {
 public:
  struct Options {
    size_t max_spans = 4096;
    size_t batch_spans = 512;
    Duration max_delay = std::chrono::seconds(2);
  };

  explicit SpanQueue(const Options& options) : options_(options) {}

  // Takes the spans of a call, all or none.
  void Add(std::vector<Span> spans, TimePoint now) RERANKD_EXCLUDES(mutex_);

  // A batch that is due at `now`; else nothing.
  std::vector<Span> Take(TimePoint now) RERANKD_EXCLUDES(mutex_);
  // Blocks until a batch is due. Nothing: the queue is closed and empty.
  std::vector<Span> WaitForBatch() RERANKD_EXCLUDES(mutex_);

  // From now on nothing is taken any more, and what is there is due.
  void Close() RERANKD_EXCLUDES(mutex_);

  // Counts spans that were taken out and could not be sent.
  void CountDropped(size_t spans) RERANKD_EXCLUDES(mutex_);
  uint64_t dropped() const RERANKD_EXCLUDES(mutex_);

 private:
  struct Waiting {
    Span span;
    TimePoint since;
  };

  bool IsDue(TimePoint now) const RERANKD_REQUIRES(mutex_);
  std::vector<Span> TakeBatch() RERANKD_REQUIRES(mutex_);

  const Options options_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<Waiting> waiting_ RERANKD_GUARDED_BY(mutex_);
  uint64_t dropped_ RERANKD_GUARDED_BY(mutex_) = 0;
  bool closed_ RERANKD_GUARDED_BY(mutex_) = false;
};

}  // namespace rerankd
