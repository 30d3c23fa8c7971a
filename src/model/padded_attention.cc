#include "model/padded_attention.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>

namespace rerankd {
namespace {

int64_t Length(std::span<const int64_t> offsets, int64_t sequence) {
  return offsets[sequence + 1] - offsets[sequence];
}

at::Tensor ToDevice(const std::vector<int64_t>& numbers, c10::Device device) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(numbers.size())}, at::kLong);
  std::copy(numbers.begin(), numbers.end(), tensor.mutable_data_ptr<int64_t>());
  return tensor.to(device);
}

int64_t LongestOf(std::span<const int64_t> sequences, std::span<const int64_t> offsets) {
  int64_t longest = 0;
  for (const int64_t i : sequences) longest = std::max(longest, Length(offsets, i));
  return longest;
}

// The row at each place of sequences that are all `longest` long. Padding repeats the first row of
// the same sequence: masked, it counts with weight 0, which not even NaN of another one may reach.
std::vector<int64_t> RowsAtPlaces(std::span<const int64_t> sequences,
                                  std::span<const int64_t> offsets, int64_t longest) {
  std::vector<int64_t> rows;
  rows.reserve(sequences.size() * static_cast<size_t>(longest));
  for (const int64_t i : sequences) {
    for (int64_t k = 0; k < longest; ++k) {
      rows.push_back(offsets[i] + (k < Length(offsets, i) ? k : 0));
    }
  }
  return rows;
}

// [rows, heads * width] -> [sequences, heads, longest, width]
at::Tensor SideBySide(const at::Tensor& packed, const at::Tensor& rows, int64_t sequences,
                      int64_t heads) {
  return packed.index_select(0, rows)
      .view({sequences, rows.size(0) / sequences, heads, packed.size(1) / heads})
      .transpose(1, 2);
}

}  // namespace

PaddedAttention::PaddedAttention(std::span<const int64_t> query_offsets,
                                 std::span<const int64_t> offsets, int64_t heads,
                                 c10::Device device)
    : heads_(heads) {
  std::vector<int64_t> order(offsets.size() - 1);
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::ranges::greater{},
                           [&](int64_t i) { return Length(offsets, i); });
  for (size_t first = 0; first < order.size();) {
    size_t end = first + 1;
    while (end < order.size() && Length(offsets, order[end]) * 2 > Length(offsets, order[first])) {
      ++end;
    }
    const std::span<const int64_t> sequences(order.data() + first, end - first);
    const auto count = static_cast<int64_t>(sequences.size());
    const int64_t longest = LongestOf(sequences, offsets);
    const int64_t longest_query = LongestOf(sequences, query_offsets);
    at::Tensor mask = at::zeros({count, 1, 1, longest}, at::kBool);
    std::vector<int64_t> places;
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < count; ++i) {
      mask[i].narrow(-1, 0, Length(offsets, sequences[i])).fill_(true);
      for (int64_t k = 0; k < Length(query_offsets, sequences[i]); ++k) {
        places.push_back(i * longest_query + k);
        rows.push_back(query_offsets[sequences[i]] + k);
      }
    }
    groups_.push_back(
        {.sequences = count,
         .query_rows = ToDevice(RowsAtPlaces(sequences, query_offsets, longest_query), device),
         .key_rows = ToDevice(RowsAtPlaces(sequences, offsets, longest), device),
         .mask = mask.to(device),
         .places = ToDevice(places, device),
         .rows = ToDevice(rows, device)});
    first = end;
  }
}

at::Tensor PaddedAttention::operator()(const at::Tensor& query, const at::Tensor& key,
                                       const at::Tensor& value) const {
  at::Tensor output = at::zeros(query.sizes(), query.options());
  for (const Group& group : groups_) {
    const at::Tensor attended = at::scaled_dot_product_attention(
        SideBySide(query, group.query_rows, group.sequences, heads_),
        SideBySide(key, group.key_rows, group.sequences, heads_),
        SideBySide(value, group.key_rows, group.sequences, heads_), group.mask);
    const at::Tensor by_place =
        attended.transpose(1, 2).reshape({group.query_rows.size(0), query.size(1)});
    output.index_copy_(0, group.rows, by_place.index_select(0, group.places));
  }
  return output;
}

}  // namespace rerankd
