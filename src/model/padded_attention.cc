#include "model/padded_attention.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/lt.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>

namespace rerankd {
namespace {

int64_t Length(std::span<const int64_t> offsets, int64_t sequence) {
  return offsets[sequence + 1] - offsets[sequence];
}

// Where one kind of numbers of one group is among all that go to the device together.
struct Slice {
  int64_t first = 0;
  int64_t count = 0;

  at::Tensor Of(const at::Tensor& numbers) const { return numbers.narrow(0, first, count); }
};

struct Slices {
  Slice sequences;
  Slice lengths;
  Slice filled;
  Slice places;
  Slice rows;
};

Slice SliceFrom(size_t first, const std::vector<int64_t>& numbers) {
  return {.first = static_cast<int64_t>(first),
          .count = static_cast<int64_t>(numbers.size() - first)};
}

// Appends what describes `sequences`, the first of which is the longest. Padding repeats the first
// row of the same sequence: masked, it counts with weight 0, which not even NaN of another one may
// reach.
Slices Describe(std::span<const int64_t> sequences, std::span<const int64_t> offsets,
                std::vector<int64_t>& numbers) {
  const int64_t longest = Length(offsets, sequences.front());
  Slices slices;
  const auto append = [&](auto numbers_of) {
    const size_t first = numbers.size();
    for (size_t i = 0; i < sequences.size(); ++i) {
      numbers_of(static_cast<int64_t>(i), offsets[sequences[i]], Length(offsets, sequences[i]));
    }
    return SliceFrom(first, numbers);
  };
  slices.sequences = append([&](int64_t i, int64_t, int64_t) { numbers.push_back(sequences[i]); });
  slices.lengths = append([&](int64_t, int64_t, int64_t length) { numbers.push_back(length); });
  slices.filled = append([&](int64_t, int64_t first_row, int64_t length) {
    for (int64_t k = 0; k < longest; ++k) numbers.push_back(first_row + (k < length ? k : 0));
  });
  slices.places = append([&](int64_t i, int64_t, int64_t length) {
    for (int64_t k = 0; k < length; ++k) numbers.push_back(i * longest + k);
  });
  slices.rows = append([&](int64_t, int64_t first_row, int64_t length) {
    for (int64_t k = 0; k < length; ++k) numbers.push_back(first_row + k);
  });
  return slices;
}

at::Tensor ToDevice(const std::vector<int64_t>& numbers, c10::Device device) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(numbers.size())}, at::kLong);
  std::copy(numbers.begin(), numbers.end(), tensor.mutable_data_ptr<int64_t>());
  return tensor.to(device);
}

// [rows, heads * width] -> [sequences, heads, longest, width]
at::Tensor SideBySide(const at::Tensor& packed, const at::Tensor& filled, int64_t sequences,
                      int64_t heads) {
  return packed.index_select(0, filled)
      .view({sequences, filled.size(0) / sequences, heads, packed.size(1) / heads})
      .transpose(1, 2);
}

}  // namespace

PaddedAttention::PaddedAttention(std::span<const int64_t> offsets, int64_t heads,
                                 c10::Device device)
    : heads_(heads) {
  std::vector<int64_t> order(offsets.size() - 1);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::ranges::greater{},
                           [&](int64_t i) { return Length(offsets, i); });
  // One copy to the device for the whole batch: each waits for what the device is doing.
  std::vector<int64_t> numbers;
  std::vector<Slices> groups;
  for (size_t first = 0; first < order.size();) {
    size_t end = first + 1;
    while (end < order.size() && Length(offsets, order[end]) * 2 > Length(offsets, order[first])) {
      ++end;
    }
    groups.push_back(
        Describe(std::span<const int64_t>(order).subspan(first, end - first), offsets, numbers));
    first = end;
  }
  const at::Tensor on_device = ToDevice(numbers, device);
  for (const Slices& group : groups) {
    const int64_t count = group.sequences.count;
    const int64_t longest = group.filled.count / count;
    groups_.push_back(
        {.count = count,
         .sequences = group.sequences.Of(on_device),
         .filled = group.filled.Of(on_device),
         .places = group.places.Of(on_device),
         .rows = group.rows.Of(on_device),
         .mask = at::lt(at::arange(longest, on_device.options()).view({1, 1, 1, longest}),
                        group.lengths.Of(on_device).view({count, 1, 1, 1}))});
  }
}

at::Tensor PaddedAttention::Attended(const Group& group, const at::Tensor& places,
                                     const at::Tensor& query, const at::Tensor& key,
                                     const at::Tensor& value) const {
  const at::Tensor attended = at::scaled_dot_product_attention(
      SideBySide(query, places, group.count, heads_),
      SideBySide(key, group.filled, group.count, heads_),
      SideBySide(value, group.filled, group.count, heads_), group.mask);
  return attended.transpose(1, 2).reshape({places.size(0), query.size(1)});
}

at::Tensor PaddedAttention::operator()(const at::Tensor& query, const at::Tensor& key,
                                       const at::Tensor& value) const {
  at::Tensor output = at::zeros(query.sizes(), query.options());
  for (const Group& group : groups_) {
    const at::Tensor by_place = Attended(group, group.filled, query, key, value);
    output.index_copy_(0, group.rows, by_place.index_select(0, group.places));
  }
  return output;
}

at::Tensor PaddedAttention::OfOneQueryEach(const at::Tensor& query, const at::Tensor& key,
                                           const at::Tensor& value) const {
  at::Tensor output = at::zeros(query.sizes(), query.options());
  for (const Group& group : groups_) {
    output.index_copy_(0, group.sequences, Attended(group, group.sequences, query, key, value));
  }
  return output;
}

}  // namespace rerankd
