// Each provider's API, call by call: what is sent, byte for byte, and what its answers, in the
// shapes that its documentation and its clients know, are to us.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/errors.h"
#include "providers/registry.h"

namespace rerankd {
namespace {

using testing::HasSubstr;

constexpr char kKey[] = "key-0123456789";

struct Success {
  std::string body;  // for the request of CallOf(): three documents, the best two
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::pair<size_t, float>> ranked;
  uint64_t total_tokens = 0;
  double billed_units = 0;
};

struct Failure {
  int status = 0;
  std::string body;
  absl::StatusCode code;
  std::string reason;
  std::string message;  // after "NAME: http STATUS"
  std::string provider_code;
  std::string request_id;
};

struct Case {
  ProviderOptions options;
  std::string url;
  std::string key_header;  // "NAME: VALUE"
  std::vector<std::pair<std::string, std::string>> more_headers;
  std::string body;
  ScoreKind score_kind = ScoreKind::kProvider;
  std::optional<std::string> refuse_body;  // with Truncation::kRefuse; unset: it cannot
  Success success;
  std::vector<Failure> failures;
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.options.kind; }

std::vector<Case> Cases() {
  return {
      {
          .options = {.kind = "voyage", .model = "rerank-2.5"},
          .url = "https://api.voyageai.com/v1/rerank",
          .key_header = "Authorization: Bearer key-0123456789",
          .body = R"({"model":"rerank-2.5","query":"q","documents":["a","b","c"],"top_k":2,)"
                  R"("truncation":true,"return_documents":false})",
          .refuse_body = R"({"model":"rerank-2.5","query":"q","documents":["a","b","c"],"top_k":2,)"
                         R"("truncation":false,"return_documents":false})",
          .success = {.body = R"({"object":"list","data":[
                        {"relevance_score":0.4375,"index":1},
                        {"relevance_score":0.21875,"index":0}],
                        "model":"rerank-2.5","usage":{"total_tokens":26}})",
                      .ranked = {{1, 0.4375F}, {0, 0.21875F}},
                      .total_tokens = 26},
          .failures = {{.status = 400,
                        .body = R"({"detail":"Request to model 'rerank-1' failed. The max allowed )"
                                R"(tokens per submitted batch is 100000."})",
                        .code = absl::StatusCode::kInvalidArgument,
                        .reason = "PROVIDER_INVALID_REQUEST",
                        .message = ": Request to model 'rerank-1' failed. The max allowed tokens "
                                   "per submitted batch is 100000."},
                       {.status = 401,
                        .body = R"({"detail":"Provided API key is invalid."})",
                        .code = absl::StatusCode::kFailedPrecondition,
                        .reason = "PROVIDER_AUTH",
                        .message = ": Provided API key is invalid."},
                       {.status = 403,
                        .body = R"({"detail":"IP address forbidden"})",
                        .code = absl::StatusCode::kFailedPrecondition,
                        .reason = "PROVIDER_FORBIDDEN",
                        .message = ": IP address forbidden"},
                       {.status = 429,
                        .body = R"({"detail":"You have not yet added your payment method"})",
                        .code = absl::StatusCode::kResourceExhausted,
                        .reason = "PROVIDER_RATE_LIMIT",
                        .message = ": You have not yet added your payment method"}},
      },
      {
          .options = {.kind = "cohere",
                      .model = "rerank-v4.0-fast",
                      .max_tokens_per_doc = 8192,
                      .priority = 7},
          .url = "https://api.cohere.com/v2/rerank",
          .key_header = "Authorization: Bearer key-0123456789",
          .body = R"({"model":"rerank-v4.0-fast","query":"q","documents":["a","b","c"],"top_n":2,)"
                  R"("max_tokens_per_doc":8192,"priority":7})",
          .success = {.body = R"({"id":"07734bd2-2473-4f07-94e1-0d9f0e6843cf","results":[
                        {"index":2,"relevance_score":0.999071},
                        {"index":0,"relevance_score":0.32713068,"document":{"text":"a"}}],
                        "meta":{"api_version":{"version":"2","is_experimental":false},
                        "billed_units":{"search_units":1.0}}})",
                      .ranked = {{2, 0.999071F}, {0, 0.32713068F}},
                      .billed_units = 1},
          .failures =
              {{.status = 400,
                .body = R"({"id":"5a4b","message":"invalid request: list of documents must not )"
                        R"(be empty"})",
                .code = absl::StatusCode::kInvalidArgument,
                .reason = "PROVIDER_INVALID_REQUEST",
                .message = ": invalid request: list of documents must not be empty",
                .request_id = "5a4b"},
               {.status = 402,
                .body = R"({"message":"Please add or update your payment method"})",
                .code = absl::StatusCode::kResourceExhausted,
                .reason = "PROVIDER_BALANCE",
                .message = ": Please add or update your payment method"},
               {.status = 404,
                .body = R"({"message":"model 'rerank-v9' not found"})",
                .code = absl::StatusCode::kNotFound,
                .reason = "PROVIDER_MODEL",
                .message = ": model 'rerank-v9' not found"},
               {.status = 498,
                .body = R"({"message":"blocked token"})",
                .code = absl::StatusCode::kInvalidArgument,
                .reason = "PROVIDER_INVALID_REQUEST",
                .message = ": blocked token"},
               {.status = 499,
                .body = R"({"message":"failed to get rerank inference: request cancelled"})",
                .code = absl::StatusCode::kUnavailable,
                .reason = "PROVIDER_CANCELLED",
                .message = ": failed to get rerank inference: request cancelled"}},
      },
      {
          .options = {.kind = "jina", .model = "jina-reranker-v2-base-multilingual"},
          .url = "https://api.jina.ai/v1/rerank",
          .key_header = "Authorization: Bearer key-0123456789",
          .body =
              R"({"model":"jina-reranker-v2-base-multilingual","query":"q",)"
              R"("documents":["a","b","c"],"top_n":2,"truncate":true,"return_documents":false})",
          .refuse_body =
              R"({"model":"jina-reranker-v2-base-multilingual","query":"q",)"
              R"("documents":["a","b","c"],"top_n":2,"truncate":false,"return_documents":false})",
          // All forms that a document has been seen in, though none was asked for.
          .success = {.body = R"({"model":"jina-reranker-v2-base-multilingual","object":"list",
                        "usage":{"total_tokens":38},"results":[
                        {"index":0,"relevance_score":0.90625,"document":{"text":"a"}},
                        {"index":1,"relevance_score":-0.003,"document":"b"}]})",
                      .ranked = {{0, 0.90625F}, {1, -0.003F}},
                      .total_tokens = 38},
          .failures = {{.status = 403,
                        .body =
                            R"({"detail":"Insufficient account balance.","request_id":"0123abcd",)"
                            R"("code":"AUTHZ_INSUFFICIENT_BALANCE"})",
                        .code = absl::StatusCode::kResourceExhausted,
                        .reason = "PROVIDER_BALANCE",
                        .message = ": Insufficient account balance.",
                        .provider_code = "AUTHZ_INSUFFICIENT_BALANCE",
                        .request_id = "0123abcd"},
                       {.status = 400,
                        .body = R"({"detail":{"message":"Unknown model.","request_id":"0123abcd",)"
                                R"("code":"INPUT_MODEL_NOT_FOUND"}})",
                        .code = absl::StatusCode::kNotFound,
                        .reason = "PROVIDER_MODEL",
                        .message = ": Unknown model.",
                        .provider_code = "INPUT_MODEL_NOT_FOUND",
                        .request_id = "0123abcd"},
                       {.status = 401,
                        .body = R"({"detail":"Unauthorized","code":"AUTH_INVALID_API_KEY"})",
                        .code = absl::StatusCode::kFailedPrecondition,
                        .reason = "PROVIDER_AUTH",
                        .message = ": Unauthorized",
                        .provider_code = "AUTH_INVALID_API_KEY"},
                       {.status = 422,
                        .body =
                            R"({"detail":"Validation error","request_id":"77","errors":[)"
                            R"({"field":"top_n","message":"must be positive","input":"secret"}]})",
                        .code = absl::StatusCode::kInvalidArgument,
                        .reason = "PROVIDER_INVALID_REQUEST",
                        .message = ": Validation error top_n: must be positive",
                        .request_id = "77"}},
      },
      {
          .options = {.kind = "compatible",
                      .model = "bge",
                      .base_url = "http://127.0.0.1:8000/v1/",
                      .instruction = "find code",
                      .extra_body = R"({"truncate_prompt_tokens": -1})"},
          .url = "http://127.0.0.1:8000/v1/rerank",
          .key_header = "Authorization: Bearer key-0123456789",
          .body = R"({"model":"bge","query":"q","documents":["a","b","c"],"top_n":2,)"
                  R"("return_documents":false,"instruction":"find code",)"
                  R"("truncate_prompt_tokens":-1})",
          // vLLM's; it returns documents always.
          .success = {.body = R"({"id":"rerank-1","model":"bge","usage":{"total_tokens":56},
                        "results":[
                        {"index":1,"document":{"text":"b"},"relevance_score":0.998046875},
                        {"index":2,"document":{"text":"c"},"relevance_score":0.5}]})",
                      .ranked = {{1, 0.998046875F}, {2, 0.5F}},
                      .total_tokens = 56},
          .failures = {{.status = 501,  // llama.cpp
                        .body = R"({"error":{"code":501,"message":"This server does not support )"
                                R"(reranking.","type":"not_supported_error"}})",
                        .code = absl::StatusCode::kUnimplemented,
                        .reason = "PROVIDER_UNSUPPORTED",
                        .message = ": This server does not support reranking.",
                        .provider_code = "not_supported_error"},
                       {.status = 422,  // LocalAI
                        .body = R"("top_n must be greater than 0")",
                        .code = absl::StatusCode::kInvalidArgument,
                        .reason = "PROVIDER_INVALID_REQUEST",
                        .message = ": top_n must be greater than 0"},
                       {.status = 422,  // FastAPI: infinity, Xinference
                        .body = R"({"detail":[{"type":"missing","loc":["body","documents",0],)"
                                R"("msg":"Field required","input":{"query":"secret"}}]})",
                        .code = absl::StatusCode::kInvalidArgument,
                        .reason = "PROVIDER_INVALID_REQUEST",
                        .message = ": body.documents.0: Field required"}},
      },
      {
          .options = {.kind = "tei", .base_url = "http://127.0.0.1:8080"},
          .url = "http://127.0.0.1:8080/rerank",
          .key_header = "Authorization: Bearer key-0123456789",
          .body = R"({"query":"q","texts":["a","b","c"],"truncate":true,"raw_scores":false,)"
                  R"("return_text":false})",
          .score_kind = ScoreKind::kSigmoid,
          .refuse_body = R"({"query":"q","texts":["a","b","c"],"truncate":false,)"
                         R"("raw_scores":false,"return_text":false})",
          .success = {.body = R"([{"index":2,"score":0.75},{"index":0,"score":0.25},
                                  {"index":1,"score":0.125}])",
                      .headers = {{"x-compute-tokens", "17"}},
                      .ranked = {{2, 0.75F}, {0, 0.25F}},
                      .total_tokens = 17},
          .failures = {{.status = 424,
                        .body = R"({"error":"inference failed","error_type":"backend"})",
                        .code = absl::StatusCode::kInternal,
                        .reason = "PROVIDER_ERROR",
                        .message = ": inference failed",
                        .provider_code = "backend"},
                       {.status = 429,
                        .body = R"({"error":"Model is overloaded","error_type":"overloaded"})",
                        .code = absl::StatusCode::kResourceExhausted,
                        .reason = "PROVIDER_RATE_LIMIT",
                        .message = ": Model is overloaded",
                        .provider_code = "overloaded"},
                       {.status = 401,
                        .body = "",
                        .code = absl::StatusCode::kFailedPrecondition,
                        .reason = "PROVIDER_AUTH",
                        .message = ""}},
      },
      {
          .options = {.kind = "mixedbread", .model = "mixedbread-ai/mxbai-rerank-large-v2"},
          .url = "https://api.mixedbread.com/v1/reranking",
          .key_header = "Authorization: Bearer key-0123456789",
          .body = R"({"model":"mixedbread-ai/mxbai-rerank-large-v2","query":"q",)"
                  R"("input":["a","b","c"],"top_k":2,"return_input":false})",
          .success = {.body = R"({"usage":{"prompt_tokens":9,"total_tokens":12},
                        "model":"mixedbread-ai/mxbai-rerank-large-v2","data":[
                        {"index":1,"score":0.984375,"input":null,"object":"rank_result"},
                        {"index":2,"score":0.5,"input":null,"object":"rank_result"}],
                        "object":"list","top_k":2,"return_input":false})",
                      .ranked = {{1, 0.984375F}, {2, 0.5F}},
                      .total_tokens = 12},
          .failures = {},
      },
      {
          .options = {.kind = "pinecone", .model = "bge-reranker-v2-m3"},
          .url = "https://api.pinecone.io/rerank",
          .key_header = "Api-Key: key-0123456789",
          .more_headers = {{"X-Pinecone-Api-Version", "2026-07"}},
          .body = R"({"model":"bge-reranker-v2-m3","query":"q",)"
                  R"("documents":[{"text":"a"},{"text":"b"},{"text":"c"}],"top_n":2,)"
                  R"("return_documents":false,"rank_fields":["text"]})",
          .refuse_body = R"({"model":"bge-reranker-v2-m3","query":"q",)"
                         R"("documents":[{"text":"a"},{"text":"b"},{"text":"c"}],"top_n":2,)"
                         R"("parameters":{"truncate":"NONE"},)"
                         R"("return_documents":false,"rank_fields":["text"]})",
          .success = {.body = R"({"model":"bge-reranker-v2-m3","data":[{"index":0,"score":0.75},
                        {"index":2,"score":0.0078125}],"usage":{"rerank_units":1}})",
                      .ranked = {{0, 0.75F}, {2, 0.0078125F}},
                      .billed_units = 1},
          .failures = {{.status = 404,
                        .body = R"({"error":{"code":"NOT_FOUND","message":"Model not found"},)"
                                R"("status":404})",
                        .code = absl::StatusCode::kNotFound,
                        .reason = "PROVIDER_MODEL",
                        .message = ": Model not found",
                        .provider_code = "NOT_FOUND"}},
      },
      {
          .options = {.kind = "nvidia", .model = "nvidia/llama-3.2-nv-rerankqa-1b-v2"},
          .url = "https://ai.api.nvidia.com/v1/retrieval/nvidia/llama-3_2-nv-rerankqa-1b-v2/"
                 "reranking",
          .key_header = "Authorization: Bearer key-0123456789",
          .body = R"({"model":"nvidia/llama-3.2-nv-rerankqa-1b-v2","query":{"text":"q"},)"
                  R"("passages":[{"text":"a"},{"text":"b"},{"text":"c"}],"truncate":"END"})",
          .score_kind = ScoreKind::kRaw,
          .refuse_body =
              R"({"model":"nvidia/llama-3.2-nv-rerankqa-1b-v2","query":{"text":"q"},)"
              R"("passages":[{"text":"a"},{"text":"b"},{"text":"c"}],"truncate":"NONE"})",
          .success = {.body = R"({"rankings":[{"index":1,"logit":4.5},{"index":0,"logit":-1.25},
                        {"index":2,"logit":-14.75}],"usage":{"total_tokens":33}})",
                      .ranked = {{1, 4.5F}, {0, -1.25F}},
                      .total_tokens = 33},
          .failures = {{.status = 500,
                        .body = R"({"type":"about:blank","title":"Internal Server Error",)"
                                R"("status":500,"requestId":"ab-1"})",
                        .code = absl::StatusCode::kUnavailable,
                        .reason = "PROVIDER_ERROR",
                        .message = ": Internal Server Error",
                        .request_id = "ab-1"}},
      },
      {
          .options = {.kind = "deepinfra", .model = "Qwen/Qwen3-Reranker-0.6B"},
          .url = "https://api.deepinfra.com/v1/inference/Qwen/Qwen3-Reranker-0.6B",
          .key_header = "Authorization: Bearer key-0123456789",
          .body = R"({"queries":["q","q","q"],"documents":["a","b","c"]})",
          // In the order of the documents.
          .success = {.body = R"({"scores":[0.25,0.5,0.5],"input_tokens":40,"request_id":"R7",
                        "inference_status":{"status":"succeeded","tokens_input":40}})",
                      .ranked = {{1, 0.5F}, {2, 0.5F}},
                      .total_tokens = 40},
          .failures = {{.status = 404,
                        .body = R"({"detail":{"error":"Model not found"}})",
                        .code = absl::StatusCode::kNotFound,
                        .reason = "PROVIDER_MODEL",
                        .message = ": Model not found"}},
      },
      {
          .options = {.kind = "dashscope", .model = "qwen3-rerank", .instruction = "find answers"},
          .url = "https://dashscope.aliyuncs.com/api/v1/services/rerank/text-rerank/text-rerank",
          .key_header = "Authorization: Bearer key-0123456789",
          .body = R"({"model":"qwen3-rerank","input":{"query":"q","documents":["a","b","c"]},)"
                  R"("parameters":{"top_n":2,"return_documents":false,"instruct":"find answers"}})",
          .success = {.body = R"({"output":{"results":[{"index":2,"relevance_score":0.875},
                        {"index":0,"relevance_score":0.625}]},"usage":{"total_tokens":79},
                        "request_id":"4b0805c0"})",
                      .ranked = {{2, 0.875F}, {0, 0.625F}},
                      .total_tokens = 79},
          .failures =
              {{.status = 400,
                .body = R"({"code":"Arrearage","message":"Access denied, please pay","request_id":)"
                        R"("4b08"})",
                .code = absl::StatusCode::kResourceExhausted,
                .reason = "PROVIDER_BALANCE",
                .message = ": Access denied, please pay",
                .provider_code = "Arrearage",
                .request_id = "4b08"},
               {.status = 200,
                .body = R"({"code":"Throttling.RateQuota","message":"Too many","request_id":"9"})",
                .code = absl::StatusCode::kResourceExhausted,
                .reason = "PROVIDER_RATE_LIMIT",
                .message = ": Too many",
                .provider_code = "Throttling.RateQuota",
                .request_id = "9"},
               {.status = 200,
                .body = R"({"code":"InvalidApiKey","message":"No API-key provided."})",
                .code = absl::StatusCode::kFailedPrecondition,
                .reason = "PROVIDER_AUTH",
                .message = ": No API-key provided.",
                .provider_code = "InvalidApiKey"}},
      },
  };
}

RerankRequest TheRequest() { return {.query = "q", .documents = {"a", "b", "c"}, .top_k = 2}; }

class DialectsTest : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    auto provider = MakeProvider(GetParam().options);
    ASSERT_TRUE(provider.ok()) << provider.status();
    provider_ = *std::move(provider);
  }
  std::unique_ptr<Provider> provider_;
  const ProviderKey key_{.secret = Secret(kKey)};
};

TEST_P(DialectsTest, Request) {
  const Case& one = GetParam();
  const auto call = provider_->BuildRequest(TheRequest(), key_);
  ASSERT_TRUE(call.ok()) << call.status();
  EXPECT_EQ(call->method, "POST");
  EXPECT_EQ(call->url, one.url);
  EXPECT_EQ(call->body, one.body);
  ASSERT_EQ(call->secret_headers.size(), 1U);
  EXPECT_EQ(call->secret_headers[0].first + ": " + call->secret_headers[0].second.Reveal(),
            one.key_header);
  std::vector<std::pair<std::string, std::string>> headers = {{"Content-Type", "application/json"},
                                                              {"Accept", "application/json"}};
  headers.insert(headers.end(), one.more_headers.begin(), one.more_headers.end());
  EXPECT_EQ(call->headers, headers);
}

TEST_P(DialectsTest, RefusingWhatIsTooLong) {
  RerankRequest request = TheRequest();
  request.truncation = Truncation::kRefuse;
  const auto call = provider_->BuildRequest(request, key_);
  if (GetParam().refuse_body.has_value()) {
    ASSERT_TRUE(call.ok()) << call.status();
    EXPECT_EQ(call->body, *GetParam().refuse_body);
  } else {
    EXPECT_EQ(call.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(FieldOf(call.status()), "truncation");
  }
}

TEST_P(DialectsTest, Answer) {
  const Success& success = GetParam().success;
  HttpResponse response{.status = 200, .headers = success.headers, .body = success.body};
  response.headers.emplace_back("Content-Type", "application/json");
  const auto result = provider_->ParseResponse(TheRequest(), key_, response);
  ASSERT_TRUE(result.ok()) << result.status();
  std::vector<std::pair<size_t, float>> ranked;
  for (const ScoredDocument& document : result->documents) {
    ranked.emplace_back(document.index, document.score);
  }
  EXPECT_EQ(ranked, success.ranked);
  EXPECT_EQ(result->score_kind, GetParam().score_kind);
  EXPECT_EQ(provider_->score_kind(), GetParam().score_kind);
  EXPECT_EQ(result->usage.total_tokens, success.total_tokens);
  EXPECT_EQ(result->usage.billed_units, success.billed_units);
}

TEST_P(DialectsTest, Failures) {
  const std::string& name = provider_->name();
  for (const Failure& failure : GetParam().failures) {
    SCOPED_TRACE(failure.body);
    const absl::Status status =
        provider_
            ->ParseResponse(TheRequest(), key_,
                            {.status = failure.status,
                             .headers = {{"Content-Type", "application/json"}},
                             .body = failure.body})
            .status();
    EXPECT_EQ(status.code(), failure.code);
    EXPECT_EQ(std::string(status.message()),
              name + ": http " + std::to_string(failure.status) + failure.message);
    const auto info = ErrorInfoOf(status);
    ASSERT_TRUE(info.has_value());
    EXPECT_EQ(info->reason, failure.reason);
    EXPECT_EQ(info->domain, "rerank.providers");
    std::map<std::string, std::string> metadata = {{"provider", name},
                                                   {"http_status", std::to_string(failure.status)}};
    if (!failure.provider_code.empty()) metadata["provider_code"] = failure.provider_code;
    if (!failure.request_id.empty()) metadata["request_id"] = failure.request_id;
    EXPECT_EQ(info->metadata, metadata);
  }
}

INSTANTIATE_TEST_SUITE_P(, DialectsTest, testing::ValuesIn(Cases()),
                         [](const auto& info) { return info.param.options.kind; });

TEST(DialectTest, EveryProviderIsHere) {
  std::vector<std::string> kinds;
  for (const Case& one : Cases()) kinds.push_back(one.options.kind);
  EXPECT_EQ(kinds, ProviderKinds());
}

// ---- what is of one provider only ----

TEST(DialectTest, VoyageKeysOfAtlasGoToMongoDb) {
  const auto voyage = MakeProvider({.kind = "voyage", .model = "rerank-2.5"});
  const ProviderKey atlas{.secret = Secret("al-0123456789")};
  EXPECT_EQ((*voyage)->BuildRequest(TheRequest(), atlas)->url, "https://ai.mongodb.com/v1/rerank");
  const auto elsewhere = MakeProvider(
      {.kind = "voyage", .model = "rerank-2.5", .base_url = "https://eu.ai.mongodb.com"});
  EXPECT_EQ((*elsewhere)->BuildRequest(TheRequest(), atlas)->url,
            "https://eu.ai.mongodb.com/v1/rerank");
}

TEST(DialectTest, NvidiaOfOnesOwnHasAnotherPath) {
  const auto nvidia = MakeProvider({.kind = "nvidia",
                                    .model = "nvidia/llama-3.2-nv-rerankqa-1b-v2",
                                    .base_url = "http://localhost:8000"});
  EXPECT_EQ((*nvidia)->BuildRequest(TheRequest(), {})->url, "http://localhost:8000/v1/ranking");
}

TEST(DialectTest, NvidiaLogitsBecomeSigmoidsOnRequest) {
  const auto nvidia = MakeProvider({.kind = "nvidia", .model = "m"});
  RerankRequest request = TheRequest();
  request.score_kind = ScoreKind::kSigmoid;
  ASSERT_TRUE((*nvidia)->BuildRequest(request, {}).ok());
  const auto result = (*nvidia)->ParseResponse(
      request, {},
      {.status = 200,
       .body = R"({"rankings":[{"index":0,"logit":0},{"index":1,"logit":-2},)"
               R"({"index":2,"logit":-800}]})"});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->score_kind, ScoreKind::kSigmoid);
  EXPECT_FLOAT_EQ(result->documents[0].score, 0.5F);
  EXPECT_FLOAT_EQ(result->documents[1].score, 0.11920292F);
}

TEST(DialectTest, TeiGivesRawScoresOnRequest) {
  const auto tei = MakeProvider({.kind = "tei", .base_url = "http://localhost:8080"});
  RerankRequest request = TheRequest();
  request.score_kind = ScoreKind::kRaw;
  EXPECT_THAT((*tei)->BuildRequest(request, {})->body, HasSubstr(R"("raw_scores":true)"));
  const auto result = (*tei)->ParseResponse(
      request, {},
      {.status = 200,
       .body = R"([{"index":0,"score":7.5},{"index":1,"score":-1},{"index":2,"score":-2}])"});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->score_kind, ScoreKind::kRaw);
  EXPECT_EQ(result->documents[0].score, 7.5F);
}

TEST(DialectTest, JinasThirdGenerationIsListwise) {
  const auto listwise = [](const ProviderOptions& options) {
    return (*MakeProvider(options))->limits().listwise;
  };
  EXPECT_TRUE(listwise({.kind = "jina", .model = "jina-reranker-v3.5"}));
  EXPECT_FALSE(listwise({.kind = "jina", .model = "jina-reranker-m0"}));
  EXPECT_TRUE(listwise({.kind = "compatible",
                        .model = "jinaai/jina-reranker-v3",
                        .base_url = "http://localhost:1"}));
}

}  // namespace
}  // namespace rerankd
