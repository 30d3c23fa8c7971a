// A Reranker whose moments the test chooses.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "core/reranker.h"
#include "core/top_k.h"
#include "util/mutex.h"

namespace rerankd {

// Scores a document by its number of bytes, longest first, and answers at once; or fails, or holds
// calls back until Release(). Records what it was asked. Safe for concurrent use.
class FakeReranker : public Reranker {
 public:
  // From now on every call fails so; OkStatus() ends that.
  void FailWith(absl::Status status) {
    const MutexLock lock(mutex_);
    failure_ = std::move(status);
  }

  // From now on calls run `behaviour` instead of being answered.
  void Behave(std::function<void(RerankRequest, Done)> behaviour) {
    const MutexLock lock(mutex_);
    behaviour_ = std::move(behaviour);
  }

  // The next `calls` fail so, those after them are answered.
  void FailNext(int calls, absl::Status failure) {
    Behave([left = std::make_shared<std::atomic<int>>(calls), failure = std::move(failure)](
               const RerankRequest& request, Done done) {
      if (left->fetch_sub(1) > 0) {
        std::move(done)(failure);
      } else {
        std::move(done)(Score(request));
      }
    });
  }

  // From now on calls wait, and ignore their cancellation, until Release().
  void HoldBack() {
    const MutexLock lock(mutex_);
    holding_ = true;
  }

  // Answers what waits, on this thread, and holds nothing back any more.
  void Release() {
    std::vector<Held> held;
    {
      const MutexLock lock(mutex_);
      holding_ = false;
      held.swap(held_);
    }
    for (Held& one : held) std::move(one.done)(Score(one.request));
  }

  // Blocks until `calls` wait. Returns false when that takes longer than any healthy machine needs.
  bool WaitForHeld(size_t calls) {
    const MutexLock lock(mutex_);
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (held_.size() < calls) {
      if (std::chrono::steady_clock::now() >= give_up) return false;
      changed_.WaitUntil(mutex_, give_up);
    }
    return true;
  }

  // Blocks until `calls` of those that wait have been told that their caller is gone.
  bool WaitForCancelled(size_t calls) {
    const MutexLock lock(mutex_);
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (cancelled_ < calls) {
      if (std::chrono::steady_clock::now() >= give_up) return false;
      changed_.WaitUntil(mutex_, give_up);
    }
    return true;
  }

  // The last request that came, and how many did.
  std::optional<RerankRequest> last_request() {
    const MutexLock lock(mutex_);
    return last_request_;
  }
  size_t calls() {
    const MutexLock lock(mutex_);
    return calls_;
  }

  void Rerank(RerankRequest request, Done done) override {
    absl::Status failure;
    std::function<void(RerankRequest, Done)> behaviour;
    // Made outside the lock: it runs at once for a call that is cancelled already.
    auto on_cancel = std::make_unique<OnCancel>(request.cancelled, CountCancelled{this});
    {
      const MutexLock lock(mutex_);
      ++calls_;
      last_request_ = request;
      failure = failure_;
      behaviour = behaviour_;
      if (holding_) {
        held_.push_back({std::move(request), std::move(done), std::move(on_cancel)});
        changed_.NotifyAll();
        return;
      }
    }
    if (behaviour) {
      behaviour(std::move(request), std::move(done));
    } else if (!failure.ok()) {
      std::move(done)(failure);
    } else {
      std::move(done)(Score(request));
    }
  }

  static RerankResult Score(const RerankRequest& request) {
    RerankResult result;
    for (size_t i = 0; i < request.documents.size(); ++i) {
      const size_t size = request.documents[i].size();
      result.documents.push_back({i, static_cast<float>(size), size > 1000});
      result.usage.document_tokens += size;
    }
    result.documents = TopK(std::move(result.documents), request.top_k);
    result.score_kind = request.score_kind.value_or(ScoreKind::kRaw);
    result.usage.query_tokens = request.query.size();
    result.usage.total_tokens = result.usage.document_tokens + request.query.size();
    result.timings = {std::chrono::microseconds(1), std::chrono::microseconds(2),
                      std::chrono::milliseconds(1500)};
    return result;
  }

 private:
  struct CountCancelled {
    FakeReranker* owner;
    void operator()() const {
      const MutexLock lock(owner->mutex_);
      ++owner->cancelled_;
      owner->changed_.NotifyAll();
    }
  };
  using OnCancel = std::stop_callback<CountCancelled>;
  struct Held {
    RerankRequest request;
    Done done;
    std::unique_ptr<OnCancel> on_cancel;
  };

  Mutex mutex_;
  CondVar changed_;
  absl::Status failure_ RERANKD_GUARDED_BY(mutex_);
  std::function<void(RerankRequest, Done)> behaviour_ RERANKD_GUARDED_BY(mutex_);
  bool holding_ RERANKD_GUARDED_BY(mutex_) = false;
  std::vector<Held> held_ RERANKD_GUARDED_BY(mutex_);
  size_t cancelled_ RERANKD_GUARDED_BY(mutex_) = 0;
  size_t calls_ RERANKD_GUARDED_BY(mutex_) = 0;
  std::optional<RerankRequest> last_request_ RERANKD_GUARDED_BY(mutex_);
};

}  // namespace rerankd
