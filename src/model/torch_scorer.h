// A loaded network as a Scorer: packs sequences, computes, and turns LibTorch's exceptions into
// statuses.
#pragma once

#include <c10/core/Device.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/scorer.h"
#include "model/architectures/architecture.h"

namespace rerankd {

// Thread-safe: nothing changes after construction, and each call has its own tensors.
class TorchScorer : public Scorer {
 public:
  struct Limits {
    int64_t max_tokens = 0;
    int64_t vocab_size = 0;
    int64_t type_vocab_size = 0;  // 0: type ids are not read, and may be anything
  };

  TorchScorer(std::shared_ptr<const Architecture> network, Limits limits, c10::Device device,
              int threads_per_session);

  size_t width() const override { return static_cast<size_t>(network_->width()); }

  // A sequence outside the limits is INTERNAL: it would read outside a table.
  absl::StatusOr<std::vector<float>> Score(std::span<const Encoding* const> batch) override;

  void PrepareThread() override;

 private:
  absl::Status Check(std::span<const Encoding* const> batch) const;

  const std::shared_ptr<const Architecture> network_;
  const Limits limits_;
  const c10::Device device_;
  const int threads_per_session_;
};

// The status of the exception that is being handled: RESOURCE_EXHAUSTED when memory ran out, else
// INTERNAL with what LibTorch or oneDNN says, in one line.
// REQUIRES: called from a catch block.
absl::Status CurrentTorchError();

}  // namespace rerankd
