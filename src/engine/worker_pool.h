// Threads for short pieces of processor work (tokenizing) that must not hold up an RPC thread.
#pragma once

#include <deque>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "util/mutex.h"

namespace rerankd {

// Runs posted work first in, first out. Safe for concurrent use. Whoever posts bounds how much is
// posted (LocalReranker: by its admitted documents). Destruction runs what was posted, then joins.
class WorkerPool {
 public:
  // REQUIRES: threads >= 1.
  explicit WorkerPool(int threads);
  ~WorkerPool();

  void Post(absl::AnyInvocable<void()> work) RERANKD_EXCLUDES(mutex_);
  int threads() const { return threads_; }

 private:
  void Loop() RERANKD_EXCLUDES(mutex_);

  const int threads_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<absl::AnyInvocable<void()>> queue_ RERANKD_GUARDED_BY(mutex_);
  bool closed_ RERANKD_GUARDED_BY(mutex_) = false;
  std::vector<std::jthread> workers_;
};

}  // namespace rerankd
