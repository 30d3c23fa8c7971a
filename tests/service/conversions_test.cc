#include "service/conversions.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>

namespace rerankd {
namespace {

rerank::v1::RerankRequest ThreeDocuments(bool return_documents) {
  rerank::v1::RerankRequest request;
  request.set_query("q");
  for (const char* text : {"zero", "one", "two"}) request.add_documents(text);
  request.set_return_documents(return_documents);
  return request;
}

TEST(ConversionsTest, TakesTheRequest) {
  for (const bool return_documents : {false, true}) {
    rerank::v1::RerankRequest request = ThreeDocuments(return_documents);
    request.set_top_k(2);
    const RerankRequest taken = TakeRequest(request);
    EXPECT_EQ(taken.query, "q");
    EXPECT_EQ(taken.documents, (std::vector<std::string>{"zero", "one", "two"}));
    EXPECT_EQ(taken.top_k, 2);
    EXPECT_EQ(taken.score_kind, std::nullopt);
    EXPECT_EQ(taken.truncation, std::nullopt);
    EXPECT_EQ(taken.deadline, kNoDeadline);
  }
}

TEST(ConversionsTest, ChoicesSurviveBothWays) {
  for (const ScoreKind kind : {ScoreKind::kRaw, ScoreKind::kSigmoid}) {
    rerank::v1::RerankRequest request;
    request.set_score_kind(ToProto(kind));
    EXPECT_EQ(TakeRequest(request).score_kind, kind);
  }
  for (const Truncation truncation :
       {Truncation::kOnlyDocument, Truncation::kLongestFirst, Truncation::kRefuse}) {
    rerank::v1::RerankRequest request;
    request.set_truncation(ToProto(truncation));
    EXPECT_EQ(TakeRequest(request).truncation, truncation);
  }
}

TEST(ConversionsTest, AnAnswerOfAnotherModelSaysSo) {
  rerank::v1::RerankRequest request = ThreeDocuments(false);
  TakeRequest(request);
  RerankResult result;
  result.model = "stand-in";
  rerank::v1::RerankResponse response;
  ASSERT_TRUE(FillResponse(result, "mini", request, 3, response).ok());
  EXPECT_EQ(response.model(), "stand-in");
}

TEST(ConversionsTest, FillsTheResponse) {
  rerank::v1::RerankRequest request = ThreeDocuments(true);
  TakeRequest(request);
  RerankResult result;
  result.documents = {{2, 0.75F, true}, {0, -1.5F, false}};
  result.score_kind = ScoreKind::kSigmoid;
  result.usage = {.query_tokens = 1, .document_tokens = 2, .total_tokens = 3, .billed_units = 1.5};
  result.timings = {.tokenize = std::chrono::microseconds(5),
                    .queue = std::chrono::nanoseconds(7),
                    .compute = std::chrono::milliseconds(2500)};
  rerank::v1::RerankResponse response;
  ASSERT_TRUE(FillResponse(result, "mini", request, 3, response).ok());
  ASSERT_EQ(response.results_size(), 2);
  EXPECT_EQ(response.results(0).index(), 2);
  EXPECT_EQ(response.results(0).score(), 0.75F);
  EXPECT_EQ(response.results(0).document(), "two");
  EXPECT_TRUE(response.results(0).truncated());
  EXPECT_EQ(response.results(1).document(), "zero");
  EXPECT_FALSE(response.results(1).truncated());
  EXPECT_EQ(response.model(), "mini");
  EXPECT_EQ(response.score_kind(), rerank::v1::SCORE_KIND_SIGMOID);
  EXPECT_EQ(response.usage().query_tokens(), 1);
  EXPECT_EQ(response.usage().document_tokens(), 2);
  EXPECT_EQ(response.usage().total_tokens(), 3);
  EXPECT_EQ(response.usage().billed_units(), 1.5);
  EXPECT_EQ(response.timings().tokenize().nanos(), 5000);
  EXPECT_EQ(response.timings().queue().nanos(), 7);
  EXPECT_EQ(response.timings().compute().seconds(), 2);
  EXPECT_EQ(response.timings().compute().nanos(), 500'000'000);
}

TEST(ConversionsTest, LeavesDocumentsOutUnlessAsked) {
  rerank::v1::RerankRequest request = ThreeDocuments(false);
  TakeRequest(request);
  RerankResult result;
  result.documents = {{1, 0, false}};
  rerank::v1::RerankResponse response;
  ASSERT_TRUE(FillResponse(result, "mini", request, 3, response).ok());
  EXPECT_FALSE(response.results(0).has_document());
}

TEST(ConversionsTest, AResultForADocumentThatWasNeverSentIsInternal) {
  rerank::v1::RerankRequest request = ThreeDocuments(true);
  TakeRequest(request);
  RerankResult result;
  result.documents = {{3, 0, false}};
  rerank::v1::RerankResponse response;
  EXPECT_EQ(FillResponse(result, "mini", request, 3, response).code(), absl::StatusCode::kInternal);
}

TEST(ConversionsTest, DescribesAModel) {
  const ModelInfo info{.name = "mini",
                       .aliases = {"small", "default"},
                       .kind = "cross_encoder",
                       .architecture = "BertForSequenceClassification",
                       .device = "cpu",
                       .precision = "fp32",
                       .max_tokens = 512,
                       .parameters = 22'000'000,
                       .default_score_kind = ScoreKind::kSigmoid,
                       .default_truncation = Truncation::kLongestFirst};
  const rerank::v1::Model model = ToProto(
      {.state = ModelState::kReady, .error = "gone", .can_serve = true, .info = info}, true);
  EXPECT_EQ(model.name(), "mini");
  EXPECT_EQ(model.kind(), "cross_encoder");
  EXPECT_EQ(model.architecture(), "BertForSequenceClassification");
  EXPECT_EQ(model.device(), "cpu");
  EXPECT_EQ(model.precision(), "fp32");
  EXPECT_EQ(model.max_tokens(), 512);
  EXPECT_EQ(model.parameters(), 22'000'000);
  EXPECT_EQ(model.default_score_kind(), rerank::v1::SCORE_KIND_SIGMOID);
  EXPECT_EQ(model.default_truncation(), rerank::v1::TRUNCATION_LONGEST_FIRST);
  EXPECT_TRUE(model.is_default());
  ASSERT_EQ(model.aliases_size(), 2);
  EXPECT_EQ(model.aliases(1), "default");
  EXPECT_EQ(model.state(), rerank::v1::MODEL_STATE_READY);
  EXPECT_EQ(model.error(), "gone");
}

TEST(ConversionsTest, OfAModelThatWasNeverLoadedLittleIsKnown) {
  const rerank::v1::Model model = ToProto(ModelStatus{.info = {.name = "mini"}}, false);
  EXPECT_EQ(model.state(), rerank::v1::MODEL_STATE_NOT_LOADED);
  EXPECT_EQ(model.default_score_kind(), rerank::v1::SCORE_KIND_UNSPECIFIED);
  EXPECT_EQ(model.error(), "");
}

TEST(ConversionsTest, EveryStateHasAValueOfItsOwn) {
  EXPECT_EQ(ToProto(ModelState::kNotLoaded), rerank::v1::MODEL_STATE_NOT_LOADED);
  EXPECT_EQ(ToProto(ModelState::kLoading), rerank::v1::MODEL_STATE_LOADING);
  EXPECT_EQ(ToProto(ModelState::kReady), rerank::v1::MODEL_STATE_READY);
  EXPECT_EQ(ToProto(ModelState::kFailed), rerank::v1::MODEL_STATE_FAILED);
  EXPECT_EQ(ToProto(ModelState::kUnloading), rerank::v1::MODEL_STATE_UNLOADING);
}

}  // namespace
}  // namespace rerankd
