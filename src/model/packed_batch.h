// Sequences laid end to end, as the network reads them: no row is padding between sequences.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace rerankd {

// Rows [offsets[i], offsets[i + 1]) are sequence i. A few rows may follow the last sequence (see
// TorchScorer); they hold valid ids, belong to nobody, and what is computed for them is not read.
// The tensors are in the processor's memory, wherever the network computes.
struct PackedBatch {
  at::Tensor ids;        // int32 [rows]
  at::Tensor type_ids;   // int32 [rows]
  at::Tensor positions;  // int32 [rows], from 0 in each sequence
  std::vector<int64_t> offsets;

  int64_t sequences() const { return static_cast<int64_t>(offsets.size()) - 1; }
  int64_t rows() const { return ids.size(0); }
};

}  // namespace rerankd
