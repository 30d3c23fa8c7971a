#include "observability/tracing/span_queue.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace rerankd {

void SpanQueue::Add(std::vector<Span> spans, TimePoint now) {
  const MutexLock lock(mutex_);
  if (closed_ || waiting_.size() + spans.size() > options_.max_spans) {
    dropped_ += spans.size();
    return;
  }
  // Whoever waits does so for the first one's delay, or for a batch to be full.
  const size_t before = waiting_.size();
  for (Span& span : spans) waiting_.push_back({std::move(span), now});
  if (before == 0 || (before < options_.batch_spans && waiting_.size() >= options_.batch_spans)) {
    changed_.NotifyAll();
  }
}

bool SpanQueue::IsDue(TimePoint now) const {
  if (waiting_.empty()) return false;
  return closed_ || waiting_.size() >= options_.batch_spans ||
         waiting_.front().since + options_.max_delay <= now;
}

std::vector<Span> SpanQueue::TakeBatch() {
  std::vector<Span> batch;
  const size_t size = std::min(waiting_.size(), options_.batch_spans);
  batch.reserve(size);
  for (size_t i = 0; i < size; ++i) {
    batch.push_back(std::move(waiting_.front().span));
    waiting_.pop_front();
  }
  return batch;
}

std::vector<Span> SpanQueue::Take(TimePoint now) {
  const MutexLock lock(mutex_);
  return IsDue(now) ? TakeBatch() : std::vector<Span>();
}

std::vector<Span> SpanQueue::WaitForBatch() {
  const MutexLock lock(mutex_);
  while (!IsDue(std::chrono::steady_clock::now())) {
    if (!waiting_.empty()) {
      changed_.WaitUntil(mutex_, waiting_.front().since + options_.max_delay);
    } else if (closed_) {
      return {};
    } else {
      changed_.Wait(mutex_);
    }
  }
  return TakeBatch();
}

void SpanQueue::Close() {
  const MutexLock lock(mutex_);
  closed_ = true;
  changed_.NotifyAll();
}

void SpanQueue::CountDropped(size_t spans) {
  const MutexLock lock(mutex_);
  dropped_ += spans;
}

uint64_t SpanQueue::dropped() const {
  const MutexLock lock(mutex_);
  return dropped_;
}

}  // namespace rerankd
