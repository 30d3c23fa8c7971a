// Scores equal those of transformers and sentence-transformers (tools/make_golden.py).
//
// Tolerances. fp32: 1e-4 of the scores' spread, and a tenth of that between one pair alone and the
// same pair in any batch. bf16 keeps 8 bits of each factor: a twentieth of the spread for the
// random networks, whose products have no reason to be benign, and 0.05 for the trained one, whose
// logits spread over 10.
//
// --gtest_filter=*EveryFolder* prints the table of docs/MODELS.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "model/model_loader.h"
#include "tests/model/golden.h"
#include "tests/model/model_folder.h"

namespace rerankd {
namespace {

namespace fs = std::filesystem;

const fs::path kModels = SourceDir() / "tests/data/models";

LoadedModel Load(const ModelOptions& options) {
  absl::StatusOr<LoadedModel> model = LoadModel(options);
  if (!model.ok()) throw std::runtime_error(model.status().ToString());
  model->scorer->PrepareThread();
  return *std::move(model);
}

LoadedModel Load(const fs::path& folder, ModelKind kind, const std::string& precision = "fp32",
                 int threads = 1) {
  return Load(
      {.folder = folder, .kind = kind, .precision = precision, .threads_per_session = threads});
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

float Dot(std::span<const float> a, std::span<const float> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0F);
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

TEST(ModelParityTest, ActivationIsSigmoidWhereTheFolderNamesNone) {
  EXPECT_TRUE(
      Load(kModels / "tiny-cross-encoder-bf16", ModelKind::kCrossEncoder).sigmoid_by_default);
  EXPECT_TRUE(Load(kModels / "tiny-xlm-roberta", ModelKind::kCrossEncoder).sigmoid_by_default);
}

// What a folder's expected_scores.json asks for and what it gets.
struct Parity {
  size_t scores = 0;
  double spread = 0;
  double alone = 0;     // largest differences from the oracle
  double together = 0;  // (all in one batch)
  double batching = 0;  // and of the two from each other
};

Parity Compare(const LoadedModel& model, ModelKind kind, const fs::path& golden) {
  std::vector<float> expected;
  std::vector<float> alone;
  std::vector<float> together;
  if (kind == ModelKind::kCrossEncoder) {
    const auto [pairs, logits] = ReadGoldenPairs(golden);
    expected = logits;
    for (const Encoding& pair : pairs) alone.push_back(ScoreAll(*model.scorer, {pair})[0]);
    together = ScoreAll(*model.scorer, pairs);
  } else {
    const auto [pairs, cosines] = ReadGoldenCosines(golden);
    expected = cosines;
    std::vector<Encoding> texts;
    for (const auto& [query, document] : pairs) {
      texts.insert(texts.end(), {query, document});
      const std::vector<Encoding> query_only = {query};
      const std::vector<Encoding> document_only = {document};
      alone.push_back(
          Dot(ScoreAll(*model.scorer, query_only), ScoreAll(*model.scorer, document_only)));
    }
    const std::vector<float> rows = ScoreAll(*model.scorer, texts);
    const std::span<const float> all(rows);
    const size_t width = model.scorer->width();
    for (size_t i = 0; i < pairs.size(); ++i) {
      together.push_back(
          Dot(all.subspan(2 * i * width, width), all.subspan((2 * i + 1) * width, width)));
    }
  }
  const auto [lowest, highest] = std::minmax_element(expected.begin(), expected.end());
  return {.scores = expected.size(),
          .spread = *highest - *lowest,
          .alone = MaxDifference(alone, expected),
          .together = MaxDifference(together, expected),
          .batching = MaxDifference(alone, together)};
}

struct Folder {
  std::string name;
  ModelKind kind;
  std::string architecture;
  size_t labels;
  nlohmann::json expected;
};

std::vector<Folder> Folders() {
  std::vector<Folder> folders;
  for (const auto& entry : fs::directory_iterator(kModels)) {
    if (!entry.is_directory()) continue;
    const nlohmann::json config = ReadGolden(entry.path() / "config.json");
    const bool labels = config.contains("id2label");
    folders.push_back({.name = entry.path().filename(),
                       .kind = labels ? ModelKind::kCrossEncoder : ModelKind::kBiEncoder,
                       .architecture = config.at("architectures").at(0),
                       .labels = labels ? config.at("id2label").size() : 0,
                       .expected = ReadGolden(entry.path() / "expected_scores.json")});
  }
  std::ranges::sort(folders, {}, [](const Folder& folder) {
    return std::tuple(folder.kind, folder.architecture, folder.labels, folder.name);
  });
  return folders;
}

// `base`: what a model is loaded with, but for folder, kind and precision.
void ExpectScoresOfTheOracles(const ModelOptions& base) {
  const auto load = [&](const Folder& folder, const char* precision) {
    ModelOptions options = base;
    options.folder = kModels / folder.name;
    options.kind = folder.kind;
    options.precision = precision;
    return Load(options);
  };
  const std::vector<Folder> folders = Folders();
  EXPECT_GE(folders.size(), 13U);
  printf("| architecture | kind | labels | parameters | scores | their spread | fp32 | bf16 |\n");
  printf("|---|---|---|---|---|---|---|---|\n");
  for (const Folder& folder : folders) {
    SCOPED_TRACE(folder.name);
    const fs::path golden = kModels / folder.name / "expected_scores.json";
    const LoadedModel fp32 = load(folder, "fp32");
    const LoadedModel bf16 = load(folder, "bf16");
    EXPECT_EQ(fp32.architecture, folder.architecture);
    if (folder.expected.contains("parameters")) {
      EXPECT_EQ(fp32.parameters, folder.expected.at("parameters").get<uint64_t>());
    }
    const Parity exact = Compare(fp32, folder.kind, golden);
    EXPECT_GE(exact.scores, 10U);
    EXPECT_LE(exact.alone, 1e-4 * exact.spread);
    EXPECT_LE(exact.together, 1e-4 * exact.spread);
    EXPECT_LE(exact.batching, 1e-5 * exact.spread);
    const Parity rounded = Compare(bf16, folder.kind, golden);
    EXPECT_LE(rounded.alone, 0.05 * rounded.spread);
    EXPECT_LE(rounded.together, 0.05 * rounded.spread);
    printf("| %s | %s | %s | %zu | %zu | %.2f | %.1e | %.1e |\n", folder.architecture.c_str(),
           folder.labels == 0 ? "bi_encoder" : "cross_encoder",
           folder.labels == 0 ? "–" : std::to_string(folder.labels).c_str(), fp32.parameters,
           exact.scores, exact.spread, std::max(exact.alone, exact.together),
           std::max(rounded.alone, rounded.together));
  }
}

TEST(ModelParityTest, EveryFolderGivesTheScoresOfItsOracle) { ExpectScoresOfTheOracles({}); }

// What a GPU computes with, here on the processor.
TEST(ModelParityTest, GeneralOperatorsGiveTheScoresOfTheOracles) {
  ExpectScoresOfTheOracles({.general_operators = true});
}

TEST(ModelParityTest, AGpuGivesTheScoresOfTheOracles) {
  const absl::StatusOr<LoadedModel> model =
      LoadModel({.folder = kModels / "tiny-cross-encoder", .device = "cuda"});
  // What is missing of the device, and no other error.
  if (absl::StartsWith(model.status().message(), "device \"cuda")) {
    GTEST_SKIP() << model.status().message();
  }
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->device, "cuda:0");
  ExpectScoresOfTheOracles({.device = "cuda"});
}

// Long batches are worked on in parts, which changes no score.
TEST(ModelParityTest, PartsOfALongBatchFitTogether) {
  const auto repeated = [](const std::vector<Encoding>& sequences) {
    std::vector<Encoding> all;
    for (int i = 0; i < 9; ++i) all.insert(all.end(), sequences.begin(), sequences.end());
    size_t tokens = 0;
    for (const Encoding& sequence : all) tokens += sequence.ids.size();
    EXPECT_GT(tokens, 3000U);
    return all;
  };
  const GoldenPairs golden = ReadGoldenPairs(kModels / "tiny-roberta/expected_scores.json");
  const LoadedModel cross = Load(kModels / "tiny-roberta", ModelKind::kCrossEncoder);
  const std::vector<float> logits = ScoreAll(*cross.scorer, repeated(golden.pairs));
  for (size_t i = 0; i < logits.size(); ++i) {
    EXPECT_NEAR(logits[i], golden.logits[i % golden.logits.size()], 1e-4) << i;
  }

  std::vector<Encoding> texts;
  for (const auto& [query, document] :
       ReadGoldenCosines(kModels / "tiny-roberta-bi/expected_scores.json").pairs) {
    texts.insert(texts.end(), {query, document});
  }
  const LoadedModel bi = Load(kModels / "tiny-roberta-bi", ModelKind::kBiEncoder);
  const std::vector<float> once = ScoreAll(*bi.scorer, texts);
  const std::vector<float> rows = ScoreAll(*bi.scorer, repeated(texts));
  for (size_t i = 0; i < rows.size(); ++i) EXPECT_NEAR(rows[i], once[i % once.size()], 1e-5) << i;
}

// Three families of one network: each under the others' names too.
TEST(ModelParityTest, RobertasNamesakesAreTheSameNetwork) {
  const GoldenPairs golden = ReadGoldenPairs(kModels / "tiny-roberta/expected_scores.json");
  const GoldenCosines cosines = ReadGoldenCosines(kModels / "tiny-roberta-bi/expected_scores.json");
  const auto rename = [](const std::string& model_type, const std::string& architecture) {
    return [=](nlohmann::json& config) {
      config["model_type"] = model_type;
      config["architectures"] = {architecture};
    };
  };
  for (const auto& [type, name] :
       {std::pair("xlm-roberta", "XLMRoberta"), std::pair("camembert", "Camembert")}) {
    SCOPED_TRACE(name);
    ModelFolder cross("tiny-roberta");
    cross.EditJson("config.json", rename(type, name + std::string("ForSequenceClassification")));
    const LoadedModel cross_encoder = Load(cross.path(), ModelKind::kCrossEncoder);
    EXPECT_LE(MaxDifference(ScoreAll(*cross_encoder.scorer, golden.pairs), golden.logits), 1e-4);
    for (const char* end : {"Model", "ForMaskedLM"}) {
      ModelFolder bi("tiny-roberta-bi");
      bi.EditJson("config.json", rename(type, name + std::string(end)));
      const LoadedModel bi_encoder = Load(bi.path(), ModelKind::kBiEncoder);
      EXPECT_NEAR(Cosine(*bi_encoder.scorer, cosines.pairs[0].first, cosines.pairs[0].second),
                  cosines.cosines[0], 1e-5);
    }
  }
}

TEST(ModelParityTest, AllMiniLmGivesThePublishedCosinesOfTheSample) {
  const char* folder = std::getenv("RERANKD_TEST_MINILM_DIR");
  if (folder == nullptr || !fs::exists(fs::path(folder) / "model.safetensors")) {
    GTEST_SKIP() << "RERANKD_TEST_MINILM_DIR does not name a folder of all-MiniLM-L6-v2; "
                    "tools/setup.sh --tests brings it";
  }
  const LoadedModel model = Load(folder, ModelKind::kBiEncoder);
  EXPECT_EQ(model.max_tokens, 256U);
  EXPECT_EQ(model.vocab_size, 30522U);
  const GoldenCosines golden = ReadSample(kModels / "all-MiniLM-L6-v2.json");
  std::vector<float> cosines;
  for (const auto& [query, document] : golden.pairs) {
    cosines.push_back(Cosine(*model.scorer, query, document));
  }
  ReportDifference("cosines", MaxDifference(cosines, golden.cosines));
  EXPECT_LE(MaxDifference(cosines, golden.cosines), 1e-5);
  EXPECT_LE(MaxDifference(cosines, {0.6270F, 0.7236F, 0.5230F, 0.5340F}), 1e-3);
}

TEST(ModelParityTest, TheDefaultModelGivesTheLogitsOfItsFolder) {
  const fs::path folder = SourceDir() / "models/rerankd-mini-en-v2";
  const GoldenPairs golden = ReadGoldenPairs(folder / "expected_scores.json");
  EXPECT_GE(golden.pairs.size(), 39U);  // all but the one whose text spells [SEP]
  const LoadedModel fp32 = Load(folder, ModelKind::kCrossEncoder);
  EXPECT_EQ(fp32.parameters, 22'713'601U);
  EXPECT_TRUE(fp32.sigmoid_by_default);
  ExpectLogits(fp32, golden, 1e-4, 1e-5);
  ExpectLogits(Load(folder, ModelKind::kCrossEncoder, "bf16"), golden, 0.05, 0.05);
}

}  // namespace
}  // namespace rerankd
