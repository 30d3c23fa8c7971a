#include "providers/dialect_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/errors.h"
#include "providers/registry.h"

namespace rerankd {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Json = nlohmann::json;

ProviderOptions Options(std::string kind) {
  ProviderOptions options{.kind = std::move(kind), .model = "m"};
  if (options.kind == "compatible" || options.kind == "tei") {
    options.base_url = "http://localhost:8080";
  }
  return options;
}

std::unique_ptr<Provider> Made(const ProviderOptions& options) {
  auto provider = MakeProvider(options);
  EXPECT_TRUE(provider.ok()) << provider.status();
  return provider.ok() ? *std::move(provider) : nullptr;
}

std::string Refusal(const ProviderOptions& options) {
  const absl::Status status = MakeProvider(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  return std::string(status.message());
}

Json Body(const Provider& provider, const RerankRequest& request) {
  const auto call = provider.BuildRequest(request, {});
  EXPECT_TRUE(call.ok()) << call.status();
  return call.ok() ? Json::parse(call->body) : Json();
}

TEST(DialectProviderTest, AsksForNoMoreThanThereIs) {
  const auto cohere = Made(Options("cohere"));
  const auto top = [&](size_t top_k) {
    return Body(*cohere, {.query = "q", .documents = {"a", "b", "c"}, .top_k = top_k})
        .value("top_n", 0);
  };
  EXPECT_EQ(top(1), 1);
  EXPECT_EQ(top(2), 2);
  // Left out where all are wanted.
  EXPECT_EQ(top(0), 0);
  EXPECT_EQ(top(3), 0);
  EXPECT_EQ(top(1000), 0);
}

TEST(DialectProviderTest, TextsArriveAsTheyAre) {
  const std::string ugly = std::string("\"\\\n\x01\xE2\x80\xA8\xF0\x9F\x98\x80") + '\0' + "end";
  const Json body =
      Body(*Made(Options("voyage")), {.query = ugly, .documents = {ugly, "", "</script>"}});
  EXPECT_EQ(body["query"], ugly);
  EXPECT_EQ(body["documents"], Json({ugly, "", "</script>"}));
}

TEST(DialectProviderTest, ATextThatIsNotUtf8DoesNotThrow) {
  const auto call =
      Made(Options("voyage"))->BuildRequest({.query = "\xFF", .documents = {"a"}}, {});
  ASSERT_TRUE(call.ok());
  EXPECT_TRUE(Json::accept(call->body));
}

TEST(DialectProviderTest, PromptsComeBeforeTheTexts) {
  ProviderOptions options = Options("nvidia");
  options.query_prompt = "find: ";
  options.document_prompt = "read: ";
  const Json body = Body(*Made(options), {.query = "q", .documents = {"a"}});
  EXPECT_EQ(body["query"]["text"], "find: q");
  EXPECT_EQ(body["passages"][0]["text"], "read: a");
}

TEST(DialectProviderTest, WithoutAKeyThereIsNoHeader) {
  const auto call = Made(Options("tei"))->BuildRequest({.query = "q", .documents = {"a"}}, {});
  EXPECT_TRUE(call->secret_headers.empty());
}

TEST(DialectProviderTest, TheKeyIsInASecretHeaderOnly) {
  for (const std::string& kind : ProviderKinds()) {
    const auto call =
        Made(Options(kind))
            ->BuildRequest({.query = "q", .documents = {"a"}}, {.secret = Secret("sentinel")});
    ASSERT_TRUE(call.ok()) << call.status();
    ASSERT_EQ(call->secret_headers.size(), 1U);
    EXPECT_THAT(call->secret_headers[0].second.Reveal(), HasSubstr("sentinel"));
    EXPECT_THAT(call->body + call->url, Not(HasSubstr("sentinel")));
    for (const auto& [name, value] : call->headers) EXPECT_THAT(value, Not(HasSubstr("sentinel")));
  }
}

TEST(DialectProviderTest, TheModelAndTheServerMustBeNamedWhereNeeded) {
  EXPECT_EQ(Refusal({.kind = "voyage"}),
            "model is missing: voyage's own name of the model, for example rerank-2.5");
  EXPECT_THAT(Refusal({.kind = "tei"}), StartsWith("base_url is missing"));
  EXPECT_THAT(Refusal({.kind = "compatible"}), StartsWith("base_url is missing"));
  const Json body = Body(*Made({.kind = "compatible", .base_url = "http://localhost"}),
                         {.query = "q", .documents = {"a"}});
  EXPECT_FALSE(body.contains("model"));
  EXPECT_THAT(Refusal({.kind = "jina", .model = "m", .base_url = "http://example.com"}),
              StartsWith("base_url must be https"));
}

TEST(DialectProviderTest, OptionsThatAProviderDoesNotHaveAreRefused) {
  ProviderOptions options = Options("voyage");
  options.priority = 1;
  EXPECT_EQ(Refusal(options), "priority is nothing that voyage takes");
  options = Options("voyage");
  options.max_tokens_per_doc = 512;
  EXPECT_EQ(Refusal(options), "max_tokens_per_doc is nothing that voyage takes");
  options = Options("voyage");
  options.instruction = "find code";
  EXPECT_THAT(Refusal(options), HasSubstr("query_prompt puts it before each query"));
  options = Options("cohere");
  options.truncation = Truncation::kRefuse;
  EXPECT_THAT(Refusal(options), StartsWith("truncation cannot be refuse"));
  options = Options("voyage");
  options.truncation = Truncation::kLongestFirst;
  EXPECT_THAT(Refusal(options), StartsWith("truncation cannot be longest_first"));
  options = Options("voyage");
  options.score_kind = ScoreKind::kSigmoid;
  EXPECT_THAT(Refusal(options), StartsWith("score_kind sigmoid is not what voyage gives"));
}

TEST(DialectProviderTest, TheEntrySaysWhatARequestDoesNot) {
  ProviderOptions options = Options("voyage");
  options.truncation = Truncation::kRefuse;
  const auto voyage = Made(options);
  EXPECT_EQ(Body(*voyage, {.query = "q", .documents = {"a"}})["truncation"], false);
  EXPECT_EQ(Body(*voyage, {.query = "q",
                           .documents = {"a"},
                           .truncation = Truncation::kOnlyDocument})["truncation"],
            true);
  options = Options("nvidia");
  options.score_kind = ScoreKind::kSigmoid;
  EXPECT_EQ(Made(options)->score_kind(), ScoreKind::kSigmoid);
}

TEST(DialectProviderTest, RequestsForWhatIsNotThereNameTheField) {
  const auto voyage = Made(Options("voyage"));
  for (const ScoreKind kind : {ScoreKind::kRaw, ScoreKind::kSigmoid}) {
    const absl::Status status =
        voyage->BuildRequest({.query = "q", .documents = {"a"}, .score_kind = kind}, {}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(FieldOf(status), "score_kind");
    EXPECT_EQ(ReasonOf(status), "UNSUPPORTED_OPTION");
  }
  EXPECT_TRUE(
      voyage
          ->BuildRequest({.query = "q", .documents = {"a"}, .score_kind = ScoreKind::kProvider}, {})
          .ok());
  const absl::Status status =
      voyage
          ->BuildRequest(
              {.query = "q", .documents = {"a"}, .truncation = Truncation::kLongestFirst}, {})
          .status();
  EXPECT_EQ(FieldOf(status), "truncation");
}

TEST(DialectProviderTest, ExtraMembersAreMerged) {
  ProviderOptions options = Options("dashscope");
  options.extra_body = R"({"parameters":{"x":[1]},"y":null,"return":{"z":1}})";
  const Json body = Body(*Made(options), {.query = "q", .documents = {"a", "b"}, .top_k = 1});
  EXPECT_EQ(body["parameters"], Json({{"top_n", 1}, {"return_documents", false}, {"x", {1}}}));
  EXPECT_TRUE(body["y"].is_null() && body.contains("y"));
  EXPECT_EQ(body["return"]["z"], 1);
}

TEST(DialectProviderTest, ExtraMembersCannotReplaceWhatIsAsked) {
  for (const char* extra :
       {R"({"model":"x"})", R"({"input":1})", R"({"input":{"query":"x"}})",
        R"({"input":{"documents":[]}})", R"({"parameters":{"top_n":1}})", R"({"parameters":[]})"}) {
    ProviderOptions options = Options("dashscope");
    options.extra_body = extra;
    EXPECT_THAT(Refusal(options), StartsWith("extra_body must not hold")) << extra;
  }
  ProviderOptions voyage = Options("voyage");
  voyage.extra_body = R"({"truncation":true})";
  EXPECT_THAT(Refusal(voyage), StartsWith("extra_body must not hold truncation"));
  ProviderOptions tei = Options("tei");
  tei.extra_body = R"({"raw_scores":true})";
  EXPECT_THAT(Refusal(tei), StartsWith("extra_body must not hold raw_scores"));
  for (const char* extra : {"[]", "1", "{", "{\"a\":NaN}", "x: y"}) {
    ProviderOptions options = Options("dashscope");
    options.extra_body = extra;
    EXPECT_EQ(Refusal(options), "extra_body must be a JSON object") << extra;
  }
}

TEST(DialectProviderTest, TheEntryMayKnowAnotherLimit) {
  ProviderOptions options = Options("tei");
  EXPECT_EQ(Made(options)->limits().max_documents, 32U);
  options.max_documents = 256;
  EXPECT_EQ(Made(options)->limits().max_documents, 256U);
}

}  // namespace
}  // namespace rerankd
