// What computes: token sequences in, one row of floats a sequence out.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "tokenizer/encoding.h"

namespace rerankd {

// One loaded model. Safe for concurrent use: sessions share the scorer and its weights.
class Scorer {
 public:
  virtual ~Scorer() = default;

  // Floats a sequence: 1 for a cross-encoder (its logit), the embedding's size for a bi-encoder
  // (the embedding, of length 1).
  virtual size_t width() const = 0;

  // Scores batch.size() sequences and returns batch.size() * width() floats, row after row.
  // A row depends on its own sequence alone (fp32: within 1e-5), whatever else is in the batch.
  // Blocks while it computes. INTERNAL when the back end fails, RESOURCE_EXHAUSTED when memory
  // does; never throws. Values may be NaN: the caller checks.
  // REQUIRES: every sequence has between 1 and the model's maximum of tokens, all ids below the
  // model's vocabulary size.
  virtual absl::StatusOr<std::vector<float>> Score(std::span<const Encoding* const> batch) = 0;

  // Called once by each session thread before its first Score(), to set what is per thread (the
  // number of threads of one product, for example).
  virtual void PrepareThread() {}
};

}  // namespace rerankd
