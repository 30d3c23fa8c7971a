#include "model/padded_attention.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "model/attention.h"

namespace rerankd {
namespace {

std::vector<int64_t> Offsets(const std::vector<int64_t>& lengths) {
  std::vector<int64_t> offsets = {0};
  for (const int64_t length : lengths) offsets.push_back(offsets.back() + length);
  return offsets;
}

double Difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

constexpr int64_t kHeads = 3;

// Lengths that make several groups, in no order; rows after the last sequence.
const std::vector<int64_t> kOffsets = Offsets({3, 130, 1, 64, 65, 2, 31, 128, 1, 16});

TEST(PaddedAttentionTest, EqualsThePackedKernels) {
  at::manual_seed(1);
  const int64_t rows = kOffsets.back() + 5;
  for (const int64_t dim : {1, 12, 32, 64}) {
    SCOPED_TRACE(dim);
    const auto parts = (at::randn({rows, 3 * kHeads * dim}) * 3).chunk(3, 1);
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
      const at::Tensor query = parts[0].to(type);  // chunks of fp32 stay slices of a wider matrix
      const at::Tensor key = parts[1].to(type);
      const at::Tensor value = parts[2].to(type);
      const PaddedAttention attention(kOffsets, kHeads, c10::kCPU);
      const at::Tensor output = attention(query, key, value);
      EXPECT_EQ(output.scalar_type(), type);
      EXPECT_EQ(output.sizes(), query.sizes());
      EXPECT_LE(Difference(output, Attend(query, kOffsets, key, value, kOffsets, kHeads)),
                type == at::kFloat ? 1e-4 : 0.1);
      EXPECT_EQ(output.narrow(0, kOffsets.back(), 5).count_nonzero().item<int64_t>(), 0);
    }
  }
}

TEST(PaddedAttentionTest, OneQueryASequenceGivesTheRowOfThatQuery) {
  at::manual_seed(2);
  const std::vector<int64_t> one_each = Offsets(std::vector<int64_t>(kOffsets.size() - 1, 1));
  const int64_t queries = one_each.back() + 6;  // some belong to nobody
  const at::Tensor query = at::randn({queries, 36});
  const at::Tensor key = at::randn({kOffsets.back(), 36});
  const at::Tensor value = at::randn({kOffsets.back(), 36});
  const PaddedAttention attention(kOffsets, kHeads, c10::kCPU);
  const at::Tensor output = attention.OfOneQueryEach(query, key, value);
  EXPECT_EQ(output.narrow(0, one_each.back(), 6).count_nonzero().item<int64_t>(), 0);
  EXPECT_LE(Difference(output, Attend(query, one_each, key, value, kOffsets, kHeads)), 1e-5);
}

TEST(PaddedAttentionTest, NanStaysInItsSequence) {
  at::manual_seed(3);
  const at::Tensor query = at::randn({kOffsets.back(), 36});
  const at::Tensor key = at::randn({kOffsets.back(), 36});
  at::Tensor value = at::randn({kOffsets.back(), 36});
  value[kOffsets[1]][0] = std::numeric_limits<float>::quiet_NaN();  // the first row of sequence 1
  const PaddedAttention attention(kOffsets, kHeads, c10::kCPU);
  const at::Tensor bad = attention(query, key, value).isnan().any(1);
  for (size_t i = 0; i + 1 < kOffsets.size(); ++i) {
    const at::Tensor rows = bad.narrow(0, kOffsets[i], kOffsets[i + 1] - kOffsets[i]);
    EXPECT_EQ(rows.all().item<bool>(), i == 1) << i;
    EXPECT_EQ(rows.any().item<bool>(), i == 1) << i;
  }
}

}  // namespace
}  // namespace rerankd
