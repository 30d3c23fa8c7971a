// Attention of packed sequences, each over itself.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string_view>

#include "model/attention_kernel.h"

namespace rerankd {

// One head of one sequence, for a kind of processor.
struct AttentionKernel {
  std::string_view name;
  void (*fp32)(const HeadArguments<float>& head);
  void (*bf16)(const HeadArguments<Bf16>& head);
};

// Those that this processor runs, fastest first; never empty.
std::span<const AttentionKernel> AttentionKernels();

// softmax(query key^T / sqrt(width of a head)) value for each head of each sequence i: rows
// [query_offsets[i], query_offsets[i + 1]) of `query` over rows [offsets[i], offsets[i + 1]) of
// `key` and `value`. The queries are all rows of a sequence, or those of the tokens whose output is
// read. All fp32 or all bf16, [rows, heads * width], a row's elements adjacent (a slice of a wider
// matrix is fine). The result has the shape of `query`; rows after the last sequence are 0.
at::Tensor Attend(const at::Tensor& query, std::span<const int64_t> query_offsets,
                  const at::Tensor& key, const at::Tensor& value, std::span<const int64_t> offsets,
                  int64_t heads, const AttentionKernel& kernel = AttentionKernels().front());

}  // namespace rerankd
