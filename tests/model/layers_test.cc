#include "model/layers.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>

#include "tests/model/model_folder.h"

namespace rerankd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

StoredTensor Stored(const at::Tensor& tensor) {
  const at::Tensor rows = tensor.contiguous();
  StoredTensor stored;
  stored.dtype = rows.scalar_type() == at::kFloat  ? "F32"
                 : rows.scalar_type() == at::kHalf ? "F16"
                                                   : "BF16";
  stored.shape = rows.sizes().vec();
  stored.bytes.assign(static_cast<const char*>(rows.const_data_ptr()), rows.nbytes());
  return stored;
}

std::shared_ptr<const Checkpoint> Save(const TempDir& dir, const StoredTensors& tensors) {
  const auto path = dir.Write("w.safetensors", SafetensorsBytes(tensors));
  return std::make_shared<const Checkpoint>(Checkpoint::OpenFile(path).value());
}

double Difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

class LayersTest : public ::testing::Test {
 protected:
  void SetUp() override { at::manual_seed(3); }

  TempDir dir_;
};

TEST_F(LayersTest, LinearMultipliesAndActivates) {
  const at::Tensor weight = at::randn({20, 7});
  const at::Tensor bias = at::randn({20});
  const at::Tensor x = at::randn({5, 7});
  const at::Tensor product = at::linear(x, weight, bias);
  const Linear linear(weight, bias, at::kFloat);
  EXPECT_LE(Difference(linear(x), product), 1e-5);
  EXPECT_LE(Difference(linear(x, HiddenAct::kGelu), at::gelu(product)), 1e-5);
  EXPECT_LE(Difference(linear(x, HiddenAct::kGeluTanh), at::gelu(product, "tanh")), 1e-5);
  EXPECT_LE(Difference(linear(x, HiddenAct::kRelu), at::relu(product)), 1e-5);
  // The two gelus are told apart.
  EXPECT_GT(Difference(linear(x, HiddenAct::kGelu), linear(x, HiddenAct::kGeluTanh)), 5e-5);
}

const Placement kGeneral{.general_operators = true};

// What a GPU computes with, here on the processor.
TEST_F(LayersTest, GeneralOperatorsGiveTheSameProducts) {
  const at::Tensor weight = at::randn({20, 7});
  const at::Tensor bias = at::randn({20});
  const at::Tensor x = at::randn({5, 7});
  for (const c10::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const Linear own(weight, bias, type);
    const Linear general(weight, bias, type, kGeneral);
    const double tolerance = type == at::kFloat ? 1e-5 : 0.1;  // bf16 rounds to 8 bits
    for (const std::optional<HiddenAct> act :
         {std::optional<HiddenAct>(), std::optional(HiddenAct::kGelu),
          std::optional(HiddenAct::kGeluTanh), std::optional(HiddenAct::kRelu)}) {
      const at::Tensor y = general(x.to(type), act);
      EXPECT_EQ(y.scalar_type(), type);
      EXPECT_LE(Difference(y, own(x.to(type), act)), tolerance);
    }
  }
  const Linear general(weight, bias, at::kFloat, kGeneral);
  EXPECT_GT(Difference(general(x, HiddenAct::kGelu), general(x, HiddenAct::kGeluTanh)), 5e-5);
}

TEST_F(LayersTest, LinearInBf16RoundsFactorsAndResultOnly) {
  const at::Tensor weight = at::randn({20, 64});
  const at::Tensor bias = at::randn({20});
  const at::Tensor x = at::randn({5, 64}).to(at::kBFloat16);
  const at::Tensor y = Linear(weight, bias, at::kBFloat16)(x);
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
  const at::Tensor exact =
      at::linear(x.to(at::kFloat), weight.to(at::kBFloat16).to(at::kFloat), bias);
  EXPECT_LE(Difference(y, exact), exact.abs().max().item<double>() / 256);
}

TEST_F(LayersTest, LinearStacksSeveralIntoOneProduct) {
  const at::Tensor a = at::randn({4, 6});
  const at::Tensor b = at::randn({4, 6});
  const at::Tensor bias_a = at::randn({4});
  const at::Tensor bias_b = at::randn({4});
  Weights weights(Save(dir_, {{"a.weight", Stored(a.to(at::kHalf))},
                              {"a.bias", Stored(bias_a)},
                              {"b.weight", Stored(b.to(at::kBFloat16))},
                              {"b.bias", Stored(bias_b)}}));
  const auto linear = Linear::Load(weights, {"a", "b"}, 6, 4, at::kFloat);
  ASSERT_TRUE(linear.ok()) << linear.status();
  const at::Tensor x = at::randn({3, 6});
  const at::Tensor expected = at::cat({at::linear(x, a.to(at::kHalf).to(at::kFloat), bias_a),
                                       at::linear(x, b.to(at::kBFloat16).to(at::kFloat), bias_b)},
                                      1);
  EXPECT_LE(Difference((*linear)(x), expected), 1e-5);
  EXPECT_EQ(weights.parameters(), 2U * (4 * 6 + 4));
  EXPECT_TRUE(weights.Finish({}).ok());
}

TEST_F(LayersTest, LayerNormKnowsBothNamings) {
  const at::Tensor scale = at::randn({8});
  const at::Tensor shift = at::randn({8});
  const at::Tensor x = at::randn({3, 8}) * 5;
  const at::Tensor expected = at::layer_norm(x, {8}, scale, shift, 1e-3);
  for (const auto& [first, second] : {std::pair("weight", "bias"), std::pair("gamma", "beta")}) {
    const TempDir dir;
    Weights weights(Save(dir, {{std::string("n.") + first, Stored(scale)},
                               {std::string("n.") + second, Stored(shift)}}));
    const auto norm = LayerNorm::Load(weights, "n", 8, 1e-3);
    ASSERT_TRUE(norm.ok()) << norm.status();
    EXPECT_LE(Difference((*norm)(x), expected), 1e-6);
  }
}

TEST_F(LayersTest, EmbeddingReadsRowsInEveryStoredType) {
  const at::Tensor ids = at::tensor({4, 0, 4, 2}, at::kInt);
  for (const at::ScalarType type : {at::kFloat, at::kHalf, at::kBFloat16}) {
    const TempDir dir;
    const at::Tensor table = at::randn({5, 6}).to(type);
    Weights weights(Save(dir, {{"t", Stored(table)}}));
    const auto embedding = Embedding::Load(weights, "t", 5, 6);
    ASSERT_TRUE(embedding.ok()) << embedding.status();
    const at::Tensor rows = (*embedding)(ids);
    EXPECT_EQ(rows.scalar_type(), at::kFloat);
    EXPECT_TRUE(at::equal(rows, table.to(at::kFloat).index_select(0, ids)));
  }
}

// Its pages are given back several times; what is read stays the same.
TEST_F(LayersTest, ALargeEmbeddingIsReadAgainFromTheFile) {
  constexpr int64_t kEntries = 9000;
  constexpr int64_t kWidth = 2048;
  const at::Tensor table =
      at::arange(kEntries, at::kFloat).unsqueeze(1).expand({kEntries, kWidth}).contiguous();
  Weights weights(Save(dir_, {{"t", Stored(table)}}));
  const auto embedding = Embedding::Load(weights, "t", kEntries, kWidth);
  ASSERT_TRUE(embedding.ok()) << embedding.status();
  for (int i = 0; i < 20; ++i) {
    const at::Tensor ids = at::randint(kEntries, {1000}, at::kInt);
    EXPECT_TRUE(at::equal((*embedding)(ids).select(1, kWidth - 1), ids.to(at::kFloat)));
  }
}

TEST_F(LayersTest, EmbeddingKeepsTheMappedFileAlive) {
  const at::Tensor table = at::randn({5, 6});
  std::shared_ptr<const Checkpoint> file = Save(dir_, {{"t", Stored(table)}});
  const std::weak_ptr<const Checkpoint> watch = file;
  {
    auto weights = std::make_unique<Weights>(std::move(file));
    const auto embedding = Embedding::Load(*weights, "t", 5, 6);
    weights.reset();
    EXPECT_FALSE(watch.expired());
    EXPECT_TRUE(at::equal((*embedding)(at::tensor({1}, at::kInt)), table.narrow(0, 1, 1)));
  }
  EXPECT_TRUE(watch.expired());
}

TEST_F(LayersTest, LinearCutsWhatHasManyRows) {
  const at::Tensor weight = at::randn({5, 7});
  const at::Tensor bias = at::randn({5});
  const int64_t rows = 2 * MaxRowsAtOnce(c10::kCPU) + 3;
  const at::Tensor x = at::randn({rows, 7});
  const Linear linear(weight, bias, at::kFloat);
  const at::Tensor y = linear(x, HiddenAct::kRelu);
  EXPECT_EQ(y.sizes(), (at::IntArrayRef{rows, 5}));
  EXPECT_LE(Difference(y, at::relu(at::linear(x, weight, bias))), 1e-5);
}

TEST_F(LayersTest, WeightsNameWhatDoesNotFit) {
  const auto file = Save(dir_, {{"bert.a", Stored(at::zeros({2, 3}))},
                                {"plain", Stored(at::zeros({4}))},
                                {"ids", {"I64", {2}, std::string(16, '\0')}}});
  Weights weights(file);
  weights.AllowPrefix("bert.");
  const auto error = [](const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr("w.safetensors: tensor \""));
    return std::string(status.message());
  };
  EXPECT_TRUE(weights.Take("a", {2, 3}).ok());  // behind its prefix
  EXPECT_THAT(error(weights.Take("plain", {2, 2}).status()),
              AllOf(HasSubstr("\"plain\" has shape [4]"), HasSubstr("asks for [2, 2]")));
  EXPECT_THAT(error(weights.Take("none", {7}).status()),
              HasSubstr("\"none\" (or \"bert.none\") of shape [7] is missing"));
  EXPECT_THAT(error(weights.Take("ids", {2}).status()),
              AllOf(HasSubstr("stored as I64"), HasSubstr("F32, F16, BF16")));
  EXPECT_THAT(error(weights.Finish({})), HasSubstr("\"ids\""));
  constexpr std::string_view kIds[] = {"ids", "pla"};  // no dot: not the beginning of "plain"
  EXPECT_THAT(error(weights.Finish(kIds)), HasSubstr("\"plain\" of shape [4] is not part"));
}

TEST_F(LayersTest, WeightsKnowTheirPrefixesAndWhatToTolerate) {
  const auto file = Save(dir_, {{"model.bert.a", Stored(at::full({1}, 1.0))},
                                {"bert.b", Stored(at::full({1}, 2.0))},
                                {"model.c", Stored(at::full({1}, 3.0))},
                                {"d", Stored(at::full({1}, 4.0))},
                                {"model.bert.head.x", Stored(at::zeros({1}))},
                                {"head.y", Stored(at::zeros({1}))}});
  Weights weights(file);
  weights.AllowPrefix("bert.");
  float expected = 1;
  for (const char* name : {"a", "b", "c", "d"}) {
    EXPECT_TRUE(weights.Has(name));
    EXPECT_EQ(weights.Take(name, {1}).value().item<float>(), expected++) << name;
  }
  constexpr std::string_view kHead[] = {"head."};
  EXPECT_TRUE(weights.Finish(kHead).ok());
  EXPECT_FALSE(weights.Finish({}).ok());
}

}  // namespace
}  // namespace rerankd
