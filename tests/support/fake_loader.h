// Loads fake models, when the test says so.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "lifecycle/managed_model.h"
#include "support/fake_reranker.h"
#include "util/mutex.h"

namespace rerankd {

// What a ManagedModel loads with. Each load makes a FakeReranker, or fails; while loads are held
// back they block until they are let go or asked to stop. Safe for concurrent use.
class FakeLoader {
 public:
  ManagedModel::Loader loader() {
    return [this](const std::stop_token& stop) { return Load(stop); };
  }

  // From now on loads fail so; OkStatus() ends that.
  void FailWith(absl::Status status) {
    const MutexLock lock(mutex_);
    failure_ = std::move(status);
  }
  void HoldBack() {
    const MutexLock lock(mutex_);
    holding_ = true;
  }
  void Release() {
    const MutexLock lock(mutex_);
    holding_ = false;
    changed_.NotifyAll();
  }

  // Blocks until so many loads have begun; false when that takes longer than any machine needs.
  bool WaitForLoads(size_t loads) {
    const MutexLock lock(mutex_);
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (loads_ < loads) {
      if (std::chrono::steady_clock::now() >= give_up) return false;
      changed_.WaitUntil(mutex_, give_up);
    }
    return true;
  }

  size_t loads() {
    const MutexLock lock(mutex_);
    return loads_;
  }
  // The model that the load with that number (from 0) made, while it is there.
  std::shared_ptr<FakeReranker> model(size_t load) {
    const MutexLock lock(mutex_);
    return models_.at(load).lock();
  }
  // How often two loads ran at the same time.
  size_t overlaps() {
    const MutexLock lock(mutex_);
    return overlaps_;
  }

 private:
  absl::StatusOr<ManagedModel::Loaded> Load(const std::stop_token& stop) {
    const std::stop_callback on_stop(stop, [this] {
      const MutexLock lock(mutex_);
      changed_.NotifyAll();
    });
    const MutexLock lock(mutex_);
    ++loads_;
    if (running_++ != 0) ++overlaps_;
    changed_.NotifyAll();
    while (holding_ && !stop.stop_requested()) changed_.Wait(mutex_);
    --running_;
    if (stop.stop_requested()) return absl::CancelledError("asked to stop");
    if (!failure_.ok()) return failure_;
    auto model = std::make_shared<FakeReranker>();
    models_.push_back(model);
    ModelInfo info;
    info.name = "mini";
    info.architecture = "Fake" + std::to_string(models_.size());
    return ManagedModel::Loaded{std::move(info), std::move(model)};
  }

  Mutex mutex_;
  CondVar changed_;
  absl::Status failure_ RERANKD_GUARDED_BY(mutex_);
  bool holding_ RERANKD_GUARDED_BY(mutex_) = false;
  size_t loads_ RERANKD_GUARDED_BY(mutex_) = 0;
  size_t running_ RERANKD_GUARDED_BY(mutex_) = 0;
  size_t overlaps_ RERANKD_GUARDED_BY(mutex_) = 0;
  std::vector<std::weak_ptr<FakeReranker>> models_ RERANKD_GUARDED_BY(mutex_);
};

}  // namespace rerankd
