// One network, ready to compute. To add one: a pair of files in this folder, a line in
// model/registry.cc with how its config.json spells things (ConfigDialect), a golden by
// tools/make_golden.py.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "model/model_config.h"
#include "model/packed_batch.h"
#include "model/weights.h"

namespace rerankd {

// Immutable, safe for concurrent use. May throw what LibTorch throws.
class Architecture {
 public:
  virtual ~Architecture() = default;

  // Floats a sequence: 1 for a cross-encoder (of two labels the difference), the embedding's size
  // for a bi-encoder.
  virtual int64_t width() const = 0;

  // fp32 [sequences, width]: logits, or embeddings of length 1.
  virtual at::Tensor Forward(const PackedBatch& batch) const = 0;
};

// Takes all its tensors from `weights`; `precision` is that of the large products.
using ArchitectureLoader = absl::StatusOr<std::unique_ptr<Architecture>> (*)(
    const ModelConfig& config, Weights& weights, c10::ScalarType precision);

}  // namespace rerankd
