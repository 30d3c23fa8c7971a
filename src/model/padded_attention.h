// Attention of packed sequences by LibTorch's general operator, for devices that attention.h has no
// kernel for.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <span>
#include <vector>

namespace rerankd {

// How the sequences of one batch are laid side by side: in groups of similar length, each as long
// as its longest, so that less than half of any group is padding, which is masked. A layout serves
// all layers of the batch. Immutable; safe for concurrent use.
class PaddedAttention {
 public:
  // As of Attend(): rows [query_offsets[i], query_offsets[i + 1]) of the queries belong to rows
  // [offsets[i], offsets[i + 1]) of keys and values; no sequence is empty.
  PaddedAttention(std::span<const int64_t> query_offsets, std::span<const int64_t> offsets,
                  int64_t heads, c10::Device device);

  // What Attend() computes, of tensors on the device; rows after the last sequence are 0. May throw
  // what LibTorch throws.
  at::Tensor operator()(const at::Tensor& query, const at::Tensor& key,
                        const at::Tensor& value) const;

 private:
  struct Group {
    int64_t sequences = 0;
    at::Tensor query_rows;  // int64 [sequences * longest query]: the row at each place
    at::Tensor key_rows;    // int64 [sequences * longest]
    at::Tensor mask;        // bool [sequences, 1, 1, longest]: false where it is padding
    at::Tensor places;      // int64 [queries of the group]: the places that are no padding
    at::Tensor rows;        // int64 [queries of the group]: and their rows
  };

  int64_t heads_;
  std::vector<Group> groups_;
};

}  // namespace rerankd
