// A CallTrace that keeps what it is told.
#pragma once

#include <utility>
#include <vector>

#include "core/call_trace.h"
#include "util/mutex.h"

namespace rerankd {

// Safe for concurrent use.
class NotingTrace : public CallTrace {
 public:
  struct Work {
    Stage stage;
    TimePoint begin;
    TimePoint end;
  };

  void Worked(Stage stage, TimePoint begin, TimePoint end) override {
    const MutexLock lock(mutex_);
    work_.push_back({stage, begin, end});
  }
  void ProviderAsked(ProviderRequest request) override {
    const MutexLock lock(mutex_);
    requests_.push_back(std::move(request));
  }

  std::vector<Work> work() const {
    const MutexLock lock(mutex_);
    return work_;
  }
  std::vector<ProviderRequest> requests() const {
    const MutexLock lock(mutex_);
    return requests_;
  }

 private:
  mutable Mutex mutex_;
  std::vector<Work> work_ RERANKD_GUARDED_BY(mutex_);
  std::vector<ProviderRequest> requests_ RERANKD_GUARDED_BY(mutex_);
};

}  // namespace rerankd
