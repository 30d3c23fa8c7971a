#include "model/model_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "tests/model/model_folder.h"

namespace rerankd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kCross[] = "tiny-cross-encoder";
constexpr char kBi[] = "tiny-bi-encoder";
constexpr char kWord[] = "bert.embeddings.word_embeddings.weight";

ModelOptions Options(const ModelFolder& folder, ModelKind kind = ModelKind::kCrossEncoder) {
  return {.folder = folder.path(), .kind = kind};
}

// One line that says what to do, and where.
std::string ErrorOf(const ModelOptions& options,
                    absl::StatusCode code = absl::StatusCode::kFailedPrecondition) {
  const absl::StatusOr<LoadedModel> model = LoadModel(options);
  EXPECT_EQ(model.status().code(), code) << model.status();
  const std::string message(model.status().message());
  EXPECT_THAT(message, Not(HasSubstr("\n")));
  return message;
}

TEST(ModelLoaderTest, RefusesAMissingFolder) {
  EXPECT_THAT(ErrorOf({.folder = "/nowhere/model"}, absl::StatusCode::kNotFound),
              HasSubstr("/nowhere/model: there is no such folder"));
  const ModelFolder folder(kCross);
  EXPECT_THAT(ErrorOf({.folder = folder.path() / "config.json"}, absl::StatusCode::kNotFound),
              HasSubstr("no such folder"));
}

TEST(ModelLoaderTest, EstimatesTheMemoryOfWeightsWithoutReadingThem) {
  const ModelFolder folder(kCross);
  ModelOptions options = Options(folder);
  const absl::StatusOr<LoadedModel> model = LoadModel(options);
  ASSERT_TRUE(model.ok()) << model.status();
  const absl::StatusOr<uint64_t> fp32 = EstimateWeightMemory(options);
  ASSERT_TRUE(fp32.ok()) << fp32.status();
  // The embedding tables, which hold most of so small a model, stay in the file.
  EXPECT_GT(*fp32, 0);
  EXPECT_LT(*fp32, model->parameters * sizeof(float));
  options.precision = "bf16";
  const absl::StatusOr<uint64_t> bf16 = EstimateWeightMemory(options);
  ASSERT_TRUE(bf16.ok()) << bf16.status();
  EXPECT_EQ(*bf16 * 2, *fp32);
  options.folder = "/nowhere/model";
  EXPECT_EQ(EstimateWeightMemory(options).status().code(), absl::StatusCode::kNotFound);
}

TEST(ModelLoaderTest, NamesAMissingFile) {
  for (const char* name : {"config.json", "model.safetensors"}) {
    ModelFolder folder(kCross);
    folder.Remove(name);
    EXPECT_THAT(ErrorOf(Options(folder), absl::StatusCode::kNotFound), HasSubstr(name));
  }
}

TEST(ModelLoaderTest, RefusesWeightsThatAreAPickle) {
  ModelFolder folder(kCross);
  folder.Remove("model.safetensors");
  folder.Write("pytorch_model.bin", "x");
  EXPECT_THAT(ErrorOf(Options(folder)),
              AllOf(HasSubstr("pytorch_model.bin: "), HasSubstr("can run any code"),
                    HasSubstr("convert it once: python3 -c"), HasSubstr("save_pretrained")));
}

TEST(ModelLoaderTest, RefusesABrokenConfig) {
  ModelFolder folder(kCross);
  folder.Write("config.json", "{\"layer_norm_eps\": NaN}");
  EXPECT_THAT(ErrorOf(Options(folder)),
              AllOf(HasSubstr("config.json"), HasSubstr("not valid JSON")));
  folder.Write("config.json", "[]");
  EXPECT_THAT(ErrorOf(Options(folder)), HasSubstr("config.json"));
  folder.Write("config.json", "");
  EXPECT_THAT(ErrorOf(Options(folder)), HasSubstr("config.json"));
}

TEST(ModelLoaderTest, ListsTheKnownArchitectures) {
  ModelFolder folder(kCross);
  folder.EditJson("config.json", [](auto& config) { config["architectures"][0] = "GPT9"; });
  EXPECT_THAT(ErrorOf(Options(folder)), AllOf(HasSubstr("\"GPT9\" is not known as a cross_encoder"),
                                              HasSubstr("known: BertForSequenceClassification, "
                                                        "RobertaForSequenceClassification, ")));
  folder.EditJson("config.json", [](auto& config) { config["architectures"][0] = "BertModel"; });
  EXPECT_THAT(ErrorOf(Options(folder)), HasSubstr("\"BertModel\" is not known as a cross_encoder"));
}

TEST(ModelLoaderTest, ModelTypeAndArchitectureMustAgree) {
  ModelFolder folder(kCross);
  folder.EditJson("config.json", [](auto& config) { config["model_type"] = "electra"; });
  EXPECT_THAT(ErrorOf(Options(folder)),
              AllOf(HasSubstr("\"model_type\" is \"electra\""), HasSubstr("is of \"bert\"")));
  folder.EditJson("config.json", [](auto& config) { config.erase("model_type"); });
  EXPECT_TRUE(LoadModel(Options(folder)).ok());
}

TEST(ModelLoaderTest, RefusesTruncatedWeights) {
  ModelFolder folder(kCross);
  const std::string whole = ReadFile(folder.path() / "model.safetensors").value();
  for (const size_t size : {size_t{5}, size_t{1000}, whole.size() / 2, whole.size() - 1}) {
    folder.Remove("model.safetensors");
    folder.Write("model.safetensors", whole.substr(0, size));
    EXPECT_THAT(ErrorOf(Options(folder)),
                AllOf(HasSubstr("model.safetensors"), HasSubstr("truncated")))
        << size;
  }
  folder.Write("model.safetensors", "");
  EXPECT_THAT(ErrorOf(Options(folder)), HasSubstr("empty"));
}

TEST(ModelLoaderTest, RefusesAHeaderLengthBeyondReason) {
  ModelFolder folder(kCross);
  std::string file = ReadFile(folder.path() / "model.safetensors").value();
  const uint64_t length = uint64_t{1} << 60;
  std::memcpy(file.data(), &length, sizeof(length));
  folder.Write("model.safetensors", file);
  EXPECT_THAT(ErrorOf(Options(folder)), HasSubstr("1152921504606846976"));
}

TEST(ModelLoaderTest, NamesATensorOfTheWrongShape) {
  ModelFolder folder(kCross);
  folder.EditJson("config.json", [](auto& config) { config["intermediate_size"] = 113; });
  EXPECT_THAT(ErrorOf(Options(folder)),
              AllOf(HasSubstr("bert.encoder.layer.0.intermediate.dense.weight"),
                    HasSubstr("has shape [112, 48]"), HasSubstr("asks for [113, 48]")));
  ModelFolder transposed(kCross);
  transposed.EditTensors(
      [](StoredTensors& tensors) { std::swap(tensors[kWord].shape[0], tensors[kWord].shape[1]); });
  EXPECT_THAT(ErrorOf(Options(transposed)), AllOf(HasSubstr(kWord), HasSubstr("[48, 1070]")));
}

TEST(ModelLoaderTest, NamesAMissingTensorWhicheverItIs) {
  std::vector<std::string> names;
  ModelFolder(kCross).EditTensors([&](StoredTensors& tensors) {
    for (const auto& [name, tensor] : tensors) names.push_back(name);
  });
  EXPECT_EQ(names.size(), 5U + 3 * 16 + 4);
  for (const std::string& name : names) {
    ModelFolder folder(kCross);
    folder.EditTensors([&](StoredTensors& tensors) { tensors.erase(name); });
    // A head's name never has the prefix, so a missing one is reported with what could be before
    // it.
    EXPECT_THAT(ErrorOf(Options(folder)), AllOf(HasSubstr(name), HasSubstr("is missing")));
  }
}

TEST(ModelLoaderTest, NamesATensorThatDoesNotBelong) {
  ModelFolder folder(kCross);
  folder.EditTensors([](StoredTensors& tensors) {
    tensors["bert.encoder.layer.3.output.dense.bias"] = {"F32", {48}, std::string(192, '\0')};
  });
  EXPECT_THAT(ErrorOf(Options(folder)),
              AllOf(HasSubstr("\"bert.encoder.layer.3.output.dense.bias\""),
                    HasSubstr("not part of the architecture")));
}

TEST(ModelLoaderTest, NamesATensorOfTheWrongType) {
  ModelFolder folder(kCross);
  folder.EditTensors([](StoredTensors& tensors) { tensors["classifier.bias"].dtype = "I32"; });
  EXPECT_THAT(ErrorOf(Options(folder)),
              AllOf(HasSubstr("classifier.bias"), HasSubstr("stored as I32")));
}

TEST(ModelLoaderTest, RefusesWeightsThatGiveNoNumber) {
  ModelFolder folder(kCross);
  folder.EditTensors([](StoredTensors& tensors) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    std::memcpy(tensors["bert.encoder.layer.1.output.dense.bias"].bytes.data(), &nan, sizeof(nan));
  });
  EXPECT_THAT(ErrorOf(Options(folder)),
              AllOf(HasSubstr("model.safetensors"), HasSubstr("NaN or infinity")));
}

TEST(ModelLoaderTest, RefusesDevicesPrecisionsAndThreadsThatItDoesNotHave) {
  const ModelFolder folder(kCross);
  ModelOptions options = Options(folder);
  options.device = "gpu";
  EXPECT_THAT(ErrorOf(options, absl::StatusCode::kInvalidArgument), HasSubstr("cuda:N"));
  options.device = "cuda:127";
  EXPECT_THAT(ErrorOf(options, absl::StatusCode::kFailedPrecondition), HasSubstr("cuda:127"));
  options = Options(folder);
  options.precision = "int4";
  EXPECT_THAT(ErrorOf(options, absl::StatusCode::kInvalidArgument), HasSubstr("bf16"));
  options = Options(folder);
  options.threads_per_session = 0;
  EXPECT_THAT(ErrorOf(options, absl::StatusCode::kInvalidArgument),
              HasSubstr("threads_per_session"));
}

// What transformers tolerates is tolerated, and changes no score.
TEST(ModelLoaderTest, NamesInTheFileMayVary) {
  const GoldenPairs golden =
      ReadGoldenPairs(SourceDir() / "tests/data/models" / kCross / "expected_scores.json");
  ModelFolder folder(kCross);
  folder.EditTensors([](StoredTensors& tensors) {
    StoredTensors renamed;
    for (auto& [name, tensor] : tensors) {
      renamed[name.starts_with("bert.") ? name.substr(5) : name] = tensor;
    }
    renamed["embeddings.position_ids"] = {"I64", {1, 64}, std::string(512, '\0')};
    tensors = renamed;
  });
  auto model = LoadModel(Options(folder));
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_NEAR(ScoreAll(*model->scorer, {golden.pairs[0]})[0], golden.logits[0], 1e-4);
}

TEST(ModelLoaderTest, ABiEncoderMayLackThePoolerThatItDoesNotUse) {
  const GoldenCosines golden =
      ReadGoldenCosines(SourceDir() / "tests/data/models" / kBi / "expected_scores.json");
  ModelFolder folder(kBi);
  uint64_t parameters = 0;
  folder.EditTensors([&](StoredTensors& tensors) {
    EXPECT_EQ(tensors.erase("pooler.dense.weight") + tensors.erase("pooler.dense.bias"), 2U);
    for (const auto& [name, tensor] : tensors) parameters += tensor.bytes.size() / 2;
  });
  auto model = LoadModel(Options(folder, ModelKind::kBiEncoder));
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->parameters, parameters);
  const auto& [query, document] = golden.pairs[0];
  EXPECT_NEAR(Cosine(*model->scorer, query, document), golden.cosines[0], 1e-5);
}

TEST(ModelLoaderTest, EmbeddingsHaveLengthOneUnderBothPoolings) {
  for (const bool mean : {false, true}) {
    ModelFolder folder(kBi);
    folder.EditJson("1_Pooling/config.json", [&](auto& config) {
      config["pooling_mode_cls_token"] = !mean;
      config["pooling_mode_mean_tokens"] = mean;
    });
    const auto model = LoadModel(Options(folder, ModelKind::kBiEncoder));
    ASSERT_TRUE(model.ok()) << model.status();
    const Encoding text = SingleText({2, 500, 600, 3});
    EXPECT_NEAR(Cosine(*model->scorer, text, text), 1.0, 1e-6);
  }
}

TEST(ModelLoaderTest, AFolderLoadedTwiceIsInMemoryOnce) {
  const ModelFolder folder(kCross);
  auto first = LoadModel(Options(folder));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_FALSE(first->shares_weights);
  const auto second = LoadModel(Options(folder));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(second->shares_weights);
  EXPECT_EQ(second->parameters, first->parameters);
  ModelOptions in_bf16 = Options(folder);
  in_bf16.precision = "bf16";
  EXPECT_FALSE(LoadModel(in_bf16).value().shares_weights);
  // Whoever is left keeps the network.
  const GoldenPairs golden =
      ReadGoldenPairs(SourceDir() / "tests/data/models" / kCross / "expected_scores.json");
  first->scorer.reset();
  EXPECT_NEAR(ScoreAll(*second->scorer, {golden.pairs[3]})[0], golden.logits[3], 1e-4);
  EXPECT_TRUE(LoadModel(Options(folder)).value().shares_weights);
}

TEST(ModelLoaderTest, WhatHasChangedIsLoadedAnew) {
  ModelFolder folder(kCross);
  const auto first = LoadModel(Options(folder));
  ASSERT_TRUE(first.ok()) << first.status();
  folder.EditJson("config.json", [](auto& config) { config["layer_norm_eps"] = 1e-4; });
  const auto other_config = LoadModel(Options(folder));
  EXPECT_FALSE(other_config.value().shares_weights);
  folder.EditTensors([](StoredTensors& tensors) {
    const float bias = 2.5;
    std::memcpy(tensors["classifier.bias"].bytes.data(), &bias, sizeof(bias));
  });
  const auto other_weights = LoadModel(Options(folder));
  EXPECT_FALSE(other_weights.value().shares_weights);
  const Encoding pair{.ids = {2, 500, 3, 600, 3}, .type_ids = {0, 0, 0, 1, 1}};
  EXPECT_NE(ScoreAll(*other_config->scorer, {pair}), ScoreAll(*other_weights->scorer, {pair}));
}

TEST(ModelLoaderTest, TheFolderMayBeReplacedWhileServing) {
  const GoldenPairs golden =
      ReadGoldenPairs(SourceDir() / "tests/data/models" / kCross / "expected_scores.json");
  ModelFolder folder(kCross);
  const auto model = LoadModel(Options(folder));
  ASSERT_TRUE(model.ok()) << model.status();
  folder.Remove("model.safetensors");
  folder.Write("model.safetensors", "something else");
  EXPECT_NEAR(ScoreAll(*model->scorer, {golden.pairs[7]})[0], golden.logits[7], 1e-4);
}

// Sessions share one scorer: each gets its own pairs' scores, in whatever company.
TEST(ModelLoaderTest, ScoresConcurrently) {
  const GoldenPairs golden =
      ReadGoldenPairs(SourceDir() / "tests/data/models" / kCross / "expected_scores.json");
  const ModelFolder folder(kCross);
  const auto model = LoadModel(Options(folder));
  ASSERT_TRUE(model.ok()) << model.status();
  constexpr int kThreads = 4;
  constexpr int kRounds = 25;
  std::vector<double> largest(kThreads, 0);
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      model->scorer->PrepareThread();
      for (int round = 0; round < kRounds; ++round) {
        // Every batch has another size and other members.
        std::vector<size_t> chosen;
        for (size_t i = 0; i < golden.pairs.size(); ++i) {
          if ((i * 7 + static_cast<size_t>(t * kRounds + round)) % (2 + round % 5) == 0) {
            chosen.push_back(i);
          }
        }
        std::vector<Encoding> batch;
        for (size_t i : chosen) batch.push_back(golden.pairs[i]);
        const std::vector<float> scores = ScoreAll(*model->scorer, batch);
        for (size_t i = 0; i < chosen.size(); ++i) {
          const double difference = std::abs(scores[i] - golden.logits[chosen[i]]);
          largest[static_cast<size_t>(t)] = std::max(largest[static_cast<size_t>(t)], difference);
        }
      }
    });
  }
  threads.clear();
  EXPECT_LE(*std::max_element(largest.begin(), largest.end()), 1e-4);
}

}  // namespace
}  // namespace rerankd
