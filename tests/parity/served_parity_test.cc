// Texts in, scores out, through everything that a call goes through but gRPC: the scores are those
// of transformers and sentence-transformers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/worker_pool.h"
#include "observability/logging.h"
#include "server/model_loading.h"
#include "tests/model/model_folder.h"

namespace rerankd {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class ServedParityTest : public ::testing::Test {
 protected:
  using Served = ManagedModel::Loaded;

  absl::StatusOr<Served> Load(ModelEntry entry) {
    entry.name = "test";
    return LoadServedModel(entry, {.tokenizing = workers_, .logger = logger_, .hub = nullptr}, {});
  }

  // The result, which a request that a test writes always has.
  static RerankResult Rank(const Served& model, RerankRequest request) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<RerankResult>>>();
    model.reranker->Rerank(std::move(request), [promise](absl::StatusOr<RerankResult> result) {
      promise->set_value(std::move(result));
    });
    absl::StatusOr<RerankResult> result = promise->get_future().get();
    if (!result.ok()) throw std::runtime_error(result.status().ToString());
    return *std::move(result);
  }

  static float ScoreOf(const Served& model, const std::string& query, const std::string& document,
                       Truncation truncation) {
    return Rank(model, {.query = query,
                        .documents = {document},
                        .score_kind = ScoreKind::kRaw,
                        .truncation = truncation})
        .documents.at(0)
        .score;
  }

  // Scores every pair of the folder's expected_scores.json.
  void ExpectScores(const fs::path& folder, EntryKind kind) {
    SCOPED_TRACE(folder);
    const auto model = Load({.path = folder, .kind = kind});
    ASSERT_TRUE(model.ok()) << model.status();
    const char* const key = kind == EntryKind::kCrossEncoder ? "logit" : "cosine";
    const nlohmann::json golden = ReadGolden(folder / "expected_scores.json");
    double largest = 0;
    double lowest = 1e9;
    double highest = -1e9;
    for (const nlohmann::json& row : golden.at("pairs")) {
      const bool only_document = row.value("truncation", "longest_first") == "only_document";
      const float score =
          ScoreOf(*model, row.at("query"), row.at("document"),
                  only_document ? Truncation::kOnlyDocument : Truncation::kLongestFirst);
      const double expected = row.at(key);
      largest = std::max(largest, std::abs(score - expected));
      lowest = std::min(lowest, expected);
      highest = std::max(highest, expected);
    }
    EXPECT_LE(largest, 1e-4 * (highest - lowest));
  }

  WorkerPool workers_{2};
  Logger logger_{LogOptions{.level = LogLevel::kError}};
};

const fs::path kModels = SourceDir() / "tests/data/models";

TEST_F(ServedParityTest, CrossEncodersScoreTextsAsTransformersDoes) {
  for (const char* name :
       {"tiny-cross-encoder", "tiny-cross-encoder-bf16", "tiny-roberta", "tiny-xlm-roberta",
        "tiny-camembert", "tiny-electra", "tiny-electra-2-labels", "tiny-distilbert",
        "tiny-distilbert-2-labels"}) {
    ExpectScores(kModels / name, EntryKind::kCrossEncoder);
  }
}

TEST_F(ServedParityTest, BiEncodersScoreTextsAsSentenceTransformersDoesPromptsIncluded) {
  for (const char* name :
       {"tiny-bi-encoder", "tiny-roberta-bi", "tiny-electra-bi", "tiny-distilbert-bi"}) {
    ExpectScores(kModels / name, EntryKind::kBiEncoder);
  }
}

TEST_F(ServedParityTest, TheDefaultModelGivesEveryScoreOfItsFolder) {
  const fs::path folder = SourceDir() / "models/rerankd-mini-en-v2";
  const auto model = Load({.path = folder});
  ASSERT_TRUE(model.ok()) << model.status();
  const nlohmann::json pairs = ReadGolden(folder / "expected_scores.json").at("pairs");
  EXPECT_GE(pairs.size(), 40U);
  for (const nlohmann::json& pair : pairs) {
    const std::string query = pair.at("query");
    const std::string document = pair.at("document");
    SCOPED_TRACE(query);
    EXPECT_NEAR(ScoreOf(*model, query, document, Truncation::kLongestFirst),
                pair.at("logit").get<double>(), 1e-4);
    const RerankResult result = Rank(
        *model, {.query = query, .documents = {document}, .truncation = Truncation::kLongestFirst});
    EXPECT_EQ(result.score_kind, ScoreKind::kSigmoid);
    EXPECT_NEAR(result.documents.at(0).score, pair.at("sigmoid").get<double>(), 1e-4);
    EXPECT_EQ(result.usage.total_tokens, pair.at("tokens").get<uint64_t>());
  }
}

TEST_F(ServedParityTest, TheEntrysPromptsWin) {
  const fs::path folder = kModels / "tiny-distilbert-bi";  // "near the old mill, " before queries
  const auto own = Load({.path = folder, .kind = EntryKind::kBiEncoder});
  const auto none = Load({.path = folder, .kind = EntryKind::kBiEncoder, .query_prompt = ""});
  const auto others = Load({.path = folder,
                            .kind = EntryKind::kBiEncoder,
                            .query_prompt = "Where? ",
                            .document_prompt = "there: "});
  ASSERT_TRUE(own.ok() && none.ok() && others.ok());
  const auto score = [](const Served& model, const char* query, const char* document) {
    return ScoreOf(model, query, document, Truncation::kOnlyDocument);
  };
  EXPECT_EQ(score(*own, "fox", "owl"), score(*none, "near the old mill, fox", "owl"));
  EXPECT_NE(score(*own, "fox", "owl"), score(*none, "fox", "owl"));
  EXPECT_EQ(score(*others, "fox", "owl"), score(*none, "Where? fox", "there: owl"));
}

TEST_F(ServedParityTest, APromptThatIsNotPooledIsRefused) {
  ModelFolder folder("tiny-distilbert-bi");
  folder.EditJson("1_Pooling/config.json", [](auto& config) { config["include_prompt"] = false; });
  const auto model = Load({.path = folder.path(), .kind = EntryKind::kBiEncoder});
  EXPECT_EQ(model.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(model.status().message()),
              AllOf(HasSubstr("include_prompt"), HasSubstr("query_prompt")));
  EXPECT_TRUE(
      Load({.path = folder.path(), .kind = EntryKind::kBiEncoder, .query_prompt = ""}).ok());
}

TEST_F(ServedParityTest, ATokenizerWithTypesThatTheNetworkLacksIsRefused) {
  ModelFolder folder("tiny-cross-encoder");
  folder.EditJson("config.json", [](auto& config) { config["type_vocab_size"] = 1; });
  folder.EditTensors([](StoredTensors& tensors) {
    StoredTensor& types = tensors["bert.embeddings.token_type_embeddings.weight"];
    types.bytes.resize(types.bytes.size() / 2);
    types.shape[0] = 1;
  });
  const auto model = Load({.path = folder.path()});
  EXPECT_EQ(model.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(model.status().message()), HasSubstr("type_vocab_size"));
}

// The models that their authors publish, for whoever has the weights: no test data holds them.
// tools/setup.sh --tests brings all-MiniLM-L6-v2.
class PublishedScoresTest : public ServedParityTest {
 protected:
  // The folder that `variable` names, or nothing.
  static fs::path FolderIn(const char* variable) {
    const char* const folder = std::getenv(variable);
    return folder == nullptr ? "" : folder;
  }

  // Scores of the sample's documents by their index, and their indices, best first.
  std::pair<std::vector<float>, std::vector<size_t>> RankSample(const ModelEntry& entry) {
    const auto model = Load(entry);
    if (!model.ok()) throw std::runtime_error(model.status().ToString());
    const nlohmann::json sample = ReadGolden(SourceDir() / "tools/sample/dartmouth.json");
    const RerankResult result =
        Rank(*model, {.query = sample.at("query"),
                      .documents = sample.at("documents").get<std::vector<std::string>>(),
                      .score_kind = entry.score_kind});
    std::vector<float> scores(result.documents.size());
    std::vector<size_t> order;
    for (const ScoredDocument& document : result.documents) {
      scores.at(document.index) = document.score;
      order.push_back(document.index);
    }
    return {scores, order};
  }
};

TEST_F(PublishedScoresTest, BgeRerankerV2M3) {
  const fs::path folder = FolderIn("RERANKD_TEST_BGE_M3");
  if (folder.empty()) {
    GTEST_SKIP() << "RERANKD_TEST_BGE_M3 does not name a folder of BAAI/bge-reranker-v2-m3";
  }
  const auto [scores, order] = RankSample({.path = folder});
  EXPECT_EQ(order, (std::vector<size_t>{1, 0, 3, 2}));
  const std::vector<double> published = {0.0326971950177779, 0.9911615761470803,
                                         0.0042116724917325935, 0.006514905766152258};
  // Compared as logits: a probability near 0 or 1 hides what differs.
  const auto logit = [](double probability) { return std::log(probability / (1 - probability)); };
  for (size_t i = 0; i < published.size(); ++i) {
    EXPECT_NEAR(logit(scores[i]), logit(published[i]), 1e-3) << i;
  }
}

TEST_F(PublishedScoresTest, AllMiniLmL6V2) {
  const fs::path folder = FolderIn("RERANKD_TEST_MINILM_DIR");
  if (!fs::exists(folder)) {
    GTEST_SKIP() << "RERANKD_TEST_MINILM_DIR does not name a folder of all-MiniLM-L6-v2; "
                    "tools/setup.sh --tests brings it";
  }
  const auto [scores, order] = RankSample({.path = folder, .kind = EntryKind::kBiEncoder});
  EXPECT_EQ(order, (std::vector<size_t>{1, 0, 3, 2}));
  const std::vector<float> published = {0.6270F, 0.7236F, 0.5230F, 0.5340F};
  for (size_t i = 0; i < published.size(); ++i) EXPECT_NEAR(scores[i], published[i], 1e-3) << i;
}

TEST_F(PublishedScoresTest, MsMarcoMiniLmL6) {
  const fs::path folder = FolderIn("RERANKD_TEST_MSMARCO_L6");
  if (folder.empty()) {
    GTEST_SKIP()
        << "RERANKD_TEST_MSMARCO_L6 does not name a folder of cross-encoder/ms-marco-MiniLM-L-6-v2";
  }
  const auto [scores, order] = RankSample({.path = folder, .score_kind = ScoreKind::kRaw});
  EXPECT_EQ(std::vector<size_t>(order.begin(), order.begin() + 3), (std::vector<size_t>{1, 0, 3}));
  EXPECT_NEAR(scores[1], 6.250532627105713, 1e-3);
  EXPECT_NEAR(scores[0], -2.9546022415161133, 1e-3);
  EXPECT_NEAR(scores[3], -4.771512031555176, 1e-3);
}

}  // namespace
}  // namespace rerankd
