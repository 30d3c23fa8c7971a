// Scores equal those of transformers and sentence-transformers (tools/make_golden.py).
//
// Tolerances. fp32: 1e-4, and 1e-5 between one pair alone and the same pair in any batch. bf16
// keeps 8 bits of each factor: a tenth of the logits' spread for the random networks, whose
// products have no reason to be benign, and 0.05 for the trained one, whose logits spread over 10.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "model/model_loader.h"
#include "tests/model/golden.h"

namespace rerankd {
namespace {

namespace fs = std::filesystem;

const fs::path kModels = SourceDir() / "tests/data/models";

LoadedModel Load(const fs::path& folder, ModelKind kind, const std::string& precision = "fp32",
                 int threads = 1) {
  absl::StatusOr<LoadedModel> model = LoadModel(
      {.folder = folder, .kind = kind, .precision = precision, .threads_per_session = threads});
  if (!model.ok()) throw std::runtime_error(model.status().ToString());
  model->scorer->PrepareThread();
  return *std::move(model);
}

// The largest difference between `scores` and `expected`.
double MaxDifference(const std::vector<float>& scores, const std::vector<float>& expected) {
  EXPECT_EQ(scores.size(), expected.size());
  double largest = 0;
  for (size_t i = 0; i < std::min(scores.size(), expected.size()); ++i) {
    EXPECT_TRUE(std::isfinite(scores[i])) << "score " << i;
    largest = std::max(largest, static_cast<double>(std::abs(scores[i] - expected[i])));
  }
  return largest;
}

void ReportDifference(const char* what, double difference) {
  printf("%s: largest difference %.3g\n", what, difference);
}

// Compares one by one and all at once, and the two with each other.
void ExpectLogits(const LoadedModel& model, const GoldenPairs& golden, double tolerance,
                  double tolerance_of_batching) {
  std::vector<float> alone;
  for (const Encoding& pair : golden.pairs) alone.push_back(ScoreAll(*model.scorer, {pair})[0]);
  const std::vector<float> together = ScoreAll(*model.scorer, golden.pairs);
  ReportDifference("alone", MaxDifference(alone, golden.logits));
  ReportDifference("together", MaxDifference(together, golden.logits));
  ReportDifference("alone against together", MaxDifference(alone, together));
  EXPECT_LE(MaxDifference(alone, golden.logits), tolerance);
  EXPECT_LE(MaxDifference(together, golden.logits), tolerance);
  EXPECT_LE(MaxDifference(alone, together), tolerance_of_batching);
}

TEST(ModelParityTest, TinyCrossEncoderGivesTheLogitsOfTransformers) {
  const LoadedModel model = Load(kModels / "tiny-cross-encoder", ModelKind::kCrossEncoder);
  EXPECT_EQ(model.architecture, "BertForSequenceClassification");
  EXPECT_EQ(model.device, "cpu");
  EXPECT_EQ(model.precision, "fp32");
  EXPECT_EQ(model.max_tokens, 64U);
  EXPECT_EQ(model.vocab_size, 1070U);
  EXPECT_FALSE(model.sigmoid_by_default);  // its config.json names Identity
  EXPECT_EQ(model.scorer->width(), 1U);
  const GoldenPairs golden = ReadGoldenPairs(kModels / "tiny-cross-encoder/expected_scores.json");
  EXPECT_EQ(golden.pairs.size(), 40U);
  EXPECT_EQ(golden.pairs.back().ids.size(), model.max_tokens);
  ExpectLogits(model, golden, 1e-4, 1e-5);
}

TEST(ModelParityTest, ThreadsWithinASessionChangeNoScore) {
  const LoadedModel model =
      Load(kModels / "tiny-cross-encoder", ModelKind::kCrossEncoder, "fp32", 2);
  const GoldenPairs golden = ReadGoldenPairs(kModels / "tiny-cross-encoder/expected_scores.json");
  EXPECT_LE(MaxDifference(ScoreAll(*model.scorer, golden.pairs), golden.logits), 1e-4);
}

TEST(ModelParityTest, WeightsStoredAsBf16UnderOldNamesGiveTheLogitsOfTransformers) {
  const LoadedModel model = Load(kModels / "tiny-cross-encoder-bf16", ModelKind::kCrossEncoder);
  EXPECT_TRUE(model.sigmoid_by_default);  // its config.json names no activation
  ExpectLogits(model, ReadGoldenPairs(kModels / "tiny-cross-encoder-bf16/expected_scores.json"),
               1e-4, 1e-5);
}

TEST(ModelParityTest, Bf16ProductsStayCloseToFp32) {
  for (const char* name : {"tiny-cross-encoder", "tiny-cross-encoder-bf16"}) {
    SCOPED_TRACE(name);
    const LoadedModel model = Load(kModels / name, ModelKind::kCrossEncoder, "bf16");
    EXPECT_EQ(model.precision, "bf16");
    const GoldenPairs golden = ReadGoldenPairs(kModels / name / "expected_scores.json");
    const auto [lowest, highest] = std::minmax_element(golden.logits.begin(), golden.logits.end());
    const double tolerance = 0.1 * (*highest - *lowest);
    ExpectLogits(model, golden, tolerance, tolerance);
  }
}

TEST(ModelParityTest, TinyBiEncoderGivesTheCosinesOfSentenceTransformers) {
  const LoadedModel model = Load(kModels / "tiny-bi-encoder", ModelKind::kBiEncoder);
  EXPECT_EQ(model.architecture, "BertModel");
  EXPECT_EQ(model.scorer->width(), 36U);
  const GoldenCosines golden = ReadGoldenCosines(kModels / "tiny-bi-encoder/expected_scores.json");
  std::vector<float> cosines;
  for (const auto& [query, document] : golden.pairs) {
    cosines.push_back(Cosine(*model.scorer, query, document));
  }
  ReportDifference("cosines", MaxDifference(cosines, golden.cosines));
  EXPECT_LE(MaxDifference(cosines, golden.cosines), 1e-5);
}

TEST(ModelParityTest, DefaultModelGivesThePublishedCosinesOfTheSample) {
  const char* folder = std::getenv("RERANKD_DEFAULT_MODEL_DIR");
  if (folder == nullptr || !fs::exists(fs::path(folder) / "model.safetensors")) {
    GTEST_SKIP() << "no default model in RERANKD_DEFAULT_MODEL_DIR; run tools/setup.sh";
  }
  const LoadedModel model = Load(folder, ModelKind::kBiEncoder);
  EXPECT_EQ(model.max_tokens, 256U);
  EXPECT_EQ(model.vocab_size, 30522U);
  const GoldenCosines golden = ReadDefaultSample(kModels / "all-MiniLM-L6-v2.json");
  std::vector<float> cosines;
  for (const auto& [query, document] : golden.pairs) {
    cosines.push_back(Cosine(*model.scorer, query, document));
  }
  ReportDifference("cosines", MaxDifference(cosines, golden.cosines));
  EXPECT_LE(MaxDifference(cosines, golden.cosines), 1e-5);
  EXPECT_LE(MaxDifference(cosines, {0.6270F, 0.7236F, 0.5230F, 0.5340F}), 1e-3);
}

TEST(ModelParityTest, TrainedCrossEncoderGivesItsPublishedLogits) {
  const fs::path folder = SourceDir() / "../shared/models/rerankd-mini-en-v1";
  if (!fs::exists(folder / "model.safetensors")) {
    GTEST_SKIP() << folder << " is not there: it is not part of the project";
  }
  const GoldenPairs golden = ReadGoldenPairs(folder / "expected_scores.json");
  const LoadedModel fp32 = Load(folder, ModelKind::kCrossEncoder);
  EXPECT_EQ(fp32.parameters, 22'713'601U);
  EXPECT_TRUE(fp32.sigmoid_by_default);
  ExpectLogits(fp32, golden, 1e-4, 1e-5);
  ExpectLogits(Load(folder, ModelKind::kCrossEncoder, "bf16"), golden, 0.05, 0.05);
}

}  // namespace
}  // namespace rerankd
