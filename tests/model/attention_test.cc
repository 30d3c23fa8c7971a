#include "model/attention.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <ostream>
#include <vector>

namespace rerankd {

void PrintTo(const AttentionKernel& kernel, std::ostream* out) { *out << kernel.name; }

namespace {

// ATen's own operators in double precision, one sequence and head at a time.
at::Tensor Reference(const at::Tensor& query, std::span<const int64_t> query_offsets,
                     const at::Tensor& key, const at::Tensor& value,
                     std::span<const int64_t> offsets, int64_t heads) {
  const int64_t dim = query.size(1) / heads;
  at::Tensor output = at::zeros(query.sizes(), at::kDouble);
  for (size_t i = 0; i + 1 < offsets.size(); ++i) {
    for (int64_t head = 0; head < heads; ++head) {
      const auto part = [&](const at::Tensor& tensor, std::span<const int64_t> rows) {
        return tensor.to(at::kDouble)
            .narrow(0, rows[i], rows[i + 1] - rows[i])
            .narrow(1, head * dim, dim);
      };
      const at::Tensor products = at::matmul(part(query, query_offsets), part(key, offsets).t());
      const at::Tensor weights = at::softmax(products / std::sqrt(static_cast<double>(dim)), 1);
      output.narrow(0, query_offsets[i], query_offsets[i + 1] - query_offsets[i])
          .narrow(1, head * dim, dim)
          .copy_(at::matmul(weights, part(value, offsets)));
    }
  }
  return output;
}

std::vector<int64_t> Offsets(const std::vector<int64_t>& lengths) {
  std::vector<int64_t> offsets = {0};
  for (int64_t length : lengths) offsets.push_back(offsets.back() + length);
  return offsets;
}

class AttentionTest : public ::testing::TestWithParam<AttentionKernel> {};

// Lengths around every vector width and tile height, odd head widths, rows after the last sequence.
TEST_P(AttentionTest, EqualsTheDefinition) {
  at::manual_seed(1);
  const std::vector<int64_t> lengths = {1, 2, 3, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, 130};
  const std::vector<int64_t> offsets = Offsets(lengths);
  const int64_t rows = offsets.back() + 5;
  for (const int64_t dim : {1, 7, 12, 16, 32, 33, 64}) {
    SCOPED_TRACE(dim);
    constexpr int64_t kHeads = 3;
    // Queries large enough that some weights are close to 1 and some close to 0.
    const at::Tensor fused = at::randn({rows, 3 * kHeads * dim}) * 3;
    const auto parts = fused.chunk(3, 1);
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
      const at::Tensor query = parts[0].to(type);  // chunks of fp32 stay slices of `fused`
      const at::Tensor key = parts[1].to(type);
      const at::Tensor value = parts[2].to(type);
      const at::Tensor output = Attend(query, offsets, key, value, offsets, kHeads, GetParam());
      EXPECT_EQ(output.scalar_type(), type);
      const at::Tensor expected = Reference(query, offsets, key, value, offsets, kHeads);
      const double difference = (output.to(at::kDouble) - expected).abs().max().item<double>();
      // bf16 rounds results of up to about 10 to 8 bits.
      EXPECT_LE(difference, type == at::kFloat ? 1e-4 : 0.05);
      EXPECT_EQ(output.narrow(0, offsets.back(), 5).count_nonzero().item<int64_t>(), 0);
    }
  }
}

TEST_P(AttentionTest, OneQueryASequenceGivesTheRowOfThatQuery) {
  at::manual_seed(2);
  const std::vector<int64_t> offsets = Offsets({4, 1, 50, 17});
  const std::vector<int64_t> one_each = {0, 1, 2, 3, 4};
  const at::Tensor query = at::randn({offsets.back(), 36});
  const at::Tensor key = at::randn({offsets.back(), 36});
  const at::Tensor value = at::randn({offsets.back(), 36});
  const at::Tensor first_rows =
      at::tensor(std::vector<int64_t>(offsets.begin(), offsets.end() - 1));
  const at::Tensor all = Attend(query, offsets, key, value, offsets, 3, GetParam());
  const at::Tensor first =
      Attend(query.index_select(0, first_rows), one_each, key, value, offsets, 3, GetParam());
  EXPECT_LE((all.index_select(0, first_rows) - first).abs().max().item<float>(), 1e-6);
}

TEST_P(AttentionTest, ExtremeProductsStayFinite) {
  const std::vector<int64_t> offsets = Offsets({20});
  at::Tensor query = at::zeros({20, 16});
  at::Tensor key = at::zeros({20, 16});
  query.fill_(1e3);
  key.narrow(0, 0, 1).fill_(1e3);   // one product of 4e6
  key.narrow(0, 1, 1).fill_(-1e3);  // one of -4e6, the others 0
  const at::Tensor value = at::arange(20 * 16, at::kFloat).view({20, 16});
  const at::Tensor output = Attend(query, offsets, key, value, offsets, 1, GetParam());
  EXPECT_TRUE(at::equal(output[7], value[0]));
}

TEST_P(AttentionTest, NanIsNotHidden) {
  const std::vector<int64_t> offsets = Offsets({20});
  at::Tensor query = at::ones({20, 16});
  query[3][5] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor ones = at::ones({20, 16});
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor output =
        Attend(query.to(type), offsets, ones.to(type), ones.to(type), offsets, 1, GetParam());
    EXPECT_TRUE(at::isnan(output[3]).all().item<bool>());
    EXPECT_TRUE(at::equal(output[4], ones[4].to(type)));
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, AttentionTest,
                         ::testing::ValuesIn(AttentionKernels().begin(), AttentionKernels().end()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace rerankd
