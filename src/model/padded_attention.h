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
  // Rows [offsets[i], offsets[i + 1]) are sequence i, none of which is empty. May throw what
  // LibTorch throws, as the rest does.
  PaddedAttention(std::span<const int64_t> offsets, int64_t heads, c10::Device device);

  // What Attend() computes, of tensors on the device: each row of `query` over the rows of its
  // sequence; rows after the last sequence are 0.
  at::Tensor operator()(const at::Tensor& query, const at::Tensor& key,
                        const at::Tensor& value) const;

  // The same where row i of `query` is the one query of sequence i.
  at::Tensor OfOneQueryEach(const at::Tensor& query, const at::Tensor& key,
                            const at::Tensor& value) const;

 private:
  struct Group {
    int64_t count = 0;     // of sequences
    at::Tensor sequences;  // int64 [count]: their numbers
    at::Tensor filled;     // int64 [count * longest]: the row at each place
    at::Tensor places;     // int64 [rows of the group]: the places that are no padding
    at::Tensor rows;       // int64 [rows of the group]: and their rows
    at::Tensor mask;       // bool [count, 1, 1, longest]: false where it is padding
  };

  // [places, heads * width]: what the queries at `places`, equally many a sequence, attend to.
  at::Tensor Attended(const Group& group, const at::Tensor& places, const at::Tensor& query,
                      const at::Tensor& key, const at::Tensor& value) const;

  int64_t heads_;
  std::vector<Group> groups_;
};

}  // namespace rerankd
