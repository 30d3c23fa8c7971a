// One copy of a network's weights, however many models compute with them.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "model/architectures/architecture.h"
#include "model/model_config.h"
#include "util/file.h"
#include "util/mutex.h"

namespace rerankd {

struct Network {
  Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  // Gives its memory back to the device, and not only to LibTorch.
  ~Network();

  std::unique_ptr<const Architecture> architecture;
  uint64_t parameters = 0;
  c10::Device device = c10::kCPU;
};

// Hands out the same network for the same key as long as somebody uses it; it keeps none alive.
// Thread-safe. Files are told by their identity and not by their path: a path may lead to new
// bytes, and two paths to the same ones (the snapshots of a hub's cache do).
class NetworkCache {
 public:
  struct Key {
    std::vector<FileIdentity> weights;
    ModelConfig config;  // `origin` does not count
    std::string device;
    std::string precision;

    bool operator==(const Key&) const = default;
  };
  using Load = absl::FunctionRef<absl::StatusOr<std::shared_ptr<const Network>>()>;

  // The network of `key`, made by `load` when there is none. While one caller loads it, others that
  // want the same one wait (and try themselves when it failed); different ones load side by side.
  // REQUIRES: `load` does not throw; the files that `key` identifies are mapped until this returns.
  absl::StatusOr<std::shared_ptr<const Network>> Get(Key key, Load load) RERANKD_EXCLUDES(mutex_);

 private:
  struct Entry {
    Key key;
    std::weak_ptr<const Network> network;
    bool loading = false;
  };
  // Drops what nobody uses any more, and finds what is left.
  Entry* Find(const Key& key) RERANKD_REQUIRES(mutex_);

  Mutex mutex_;
  CondVar loaded_;
  std::vector<Entry> entries_ RERANKD_GUARDED_BY(mutex_);
};

}  // namespace rerankd
