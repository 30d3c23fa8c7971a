#include "engine/local_reranker.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <future>
#include <latch>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "core/errors.h"
#include "support/fake_scorer.h"
#include "support/fake_tokenizer.h"
#include "support/noting_trace.h"
#include "tokenizer/pair_encoder.h"

namespace rerankd {
namespace {

using Result = absl::StatusOr<RerankResult>;

std::future<Result> Start(Reranker& reranker, RerankRequest request) {
  auto promise = std::make_shared<std::promise<Result>>();
  std::future<Result> result = promise->get_future();
  reranker.Rerank(std::move(request),
                  [promise](Result result) { promise->set_value(std::move(result)); });
  return result;
}

Result Call(Reranker& reranker, RerankRequest request) {
  return Start(reranker, std::move(request)).get();
}

LocalReranker::Options SmallOptions() {
  LocalReranker::Options options;
  options.model = "test";
  options.max_tokens = 64;
  options.query_max_tokens = 16;
  options.engine.sessions = 2;
  options.engine.max_batch_tokens = 256;
  return options;
}

class LocalRerankerTest : public testing::Test {
 protected:
  std::unique_ptr<LocalReranker> Make(LocalReranker::Options options = SmallOptions(),
                                      std::unique_ptr<FakeScorer> scorer = nullptr) {
    if (scorer == nullptr) scorer = std::make_unique<FakeScorer>();
    scorer_ = scorer.get();
    return std::make_unique<LocalReranker>(std::move(options), std::make_unique<FakeTokenizer>(),
                                           std::move(scorer), workers_);
  }

  // What the pair scores by itself.
  static float Alone(const std::string& query, const std::string& document) {
    const FakeTokenizer tokenizer;
    const PairEncoder encoder(tokenizer, {.max_tokens = 64, .query_max_tokens = 16});
    return TagOf(
        encoder.EncodePair(encoder.EncodeQuery(query, PairTruncation::kOnlyDocument), document));
  }

  WorkerPool workers_{2};
  FakeScorer* scorer_ = nullptr;
};

TEST_F(LocalRerankerTest, RanksByScoreAndTellsTheIndex) {
  const auto reranker = Make();
  const std::vector<std::string> documents = {"one", "two", "three", "four"};
  const Result result = Call(*reranker, {.query = "q", .documents = documents});
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->documents.size(), 4U);
  for (size_t i = 0; i < 4; ++i) {
    const ScoredDocument& document = result->documents[i];
    EXPECT_EQ(document.score, Alone("q", documents[document.index]));
    if (i > 0) {
      EXPECT_GE(result->documents[i - 1].score, document.score);
    }
  }
}

TEST_F(LocalRerankerTest, ATraceIsToldWhatTheTimingsSay) {
  const auto reranker = Make();
  for (const size_t bytes : {size_t{1}, size_t{100'000}}) {  // at once, and on other threads
    const auto trace = std::make_shared<NotingTrace>();
    const TimePoint before = std::chrono::steady_clock::now();
    const Result result =
        Call(*reranker, {.query = "q", .documents = {std::string(bytes, 'x')}, .trace = trace});
    ASSERT_TRUE(result.ok()) << result.status();
    const auto work = trace->work();
    ASSERT_EQ(work.size(), 3U);
    EXPECT_EQ(work[0].stage, CallTrace::Stage::kTokenize);
    EXPECT_EQ(work[1].stage, CallTrace::Stage::kQueue);
    EXPECT_EQ(work[2].stage, CallTrace::Stage::kCompute);
    EXPECT_EQ(work[0].end - work[0].begin, result->timings.tokenize);
    EXPECT_EQ(work[1].end - work[1].begin, result->timings.queue);
    EXPECT_EQ(work[2].end - work[2].begin, result->timings.compute);
    EXPECT_GE(work[0].begin, before);
    EXPECT_EQ(work[1].begin, work[0].end);
    EXPECT_EQ(work[2].begin, work[1].end);
    EXPECT_LE(work[2].end, std::chrono::steady_clock::now());
  }
}

TEST_F(LocalRerankerTest, ATraceIsToldHowFarAFailedCallCame) {
  const auto reranker = Make(SmallOptions(), std::make_unique<FakeScorer>([](auto) {
                               return absl::InternalError("the processor is on fire");
                             }));
  const auto failed = std::make_shared<NotingTrace>();
  EXPECT_FALSE(Call(*reranker, {.query = "q", .documents = {"a"}, .trace = failed}).ok());
  ASSERT_EQ(failed->work().size(), 3U);
  EXPECT_EQ(failed->work()[2].stage, CallTrace::Stage::kCompute);
  EXPECT_GE(failed->work()[2].end, failed->work()[2].begin);
  const auto refused = std::make_shared<NotingTrace>();
  EXPECT_FALSE(Call(*reranker, {.query = "q",
                                .documents = {std::string(1000, 'x')},
                                .truncation = Truncation::kRefuse,
                                .trace = refused})
                   .ok());
  ASSERT_EQ(refused->work().size(), 1U) << "it never came into the queue";
  EXPECT_EQ(refused->work()[0].stage, CallTrace::Stage::kTokenize);
}

TEST_F(LocalRerankerTest, PromptsComeBeforeTheTexts) {
  LocalReranker::Options options = SmallOptions();
  options.query_prompt = "ask: ";
  options.document_prompt = "read: ";
  const auto reranker = Make(options);
  const Result result = Call(*reranker, {.query = "q", .documents = {"one", "two"}});
  ASSERT_TRUE(result.ok()) << result.status();
  for (const ScoredDocument& document : result->documents) {
    EXPECT_EQ(document.score, Alone("ask: q", document.index == 0 ? "read: one" : "read: two"));
  }
  EXPECT_EQ(result->usage.query_tokens, 6U);
  EXPECT_EQ(result->usage.document_tokens, 18U);
}

TEST_F(LocalRerankerTest, HasNoScoresOfProviders) {
  const auto reranker = Make();
  for (const std::vector<std::string>& documents : {std::vector<std::string>{}, {"one"}}) {
    const Result result =
        Call(*reranker, {.query = "q", .documents = documents, .score_kind = ScoreKind::kProvider});
    EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(FieldOf(result.status()), "score_kind");
    EXPECT_EQ(ReasonOf(result.status()), "UNSUPPORTED_OPTION");
  }
}

TEST_F(LocalRerankerTest, KeepsTheBest) {
  const auto reranker = Make();
  const std::vector<std::string> documents = {"a", "b", "c", "d", "e"};
  const Result all = Call(*reranker, {.query = "q", .documents = documents});
  const Result two = Call(*reranker, {.query = "q", .documents = documents, .top_k = 2});
  ASSERT_TRUE(all.ok() && two.ok());
  ASSERT_EQ(two->documents.size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(two->documents[i].index, all->documents[i].index);
  }
}

TEST_F(LocalRerankerTest, NoDocumentsIsAnEmptyAnswer) {
  const auto reranker = Make();
  const Result result = Call(*reranker, {.query = "q"});
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(result->documents.empty());
}

TEST_F(LocalRerankerTest, SigmoidOnRequest) {
  const auto reranker = Make();
  const Result result =
      Call(*reranker, {.query = "q", .documents = {"d"}, .score_kind = ScoreKind::kSigmoid});
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->score_kind, ScoreKind::kSigmoid);
  EXPECT_FLOAT_EQ(result->documents[0].score, 1.0F / (1.0F + std::exp(-Alone("q", "d"))));
}

TEST_F(LocalRerankerTest, CountsTokensAndSaysWhatWasTruncated) {
  const auto reranker = Make();
  // 2 + 3 specials leave 59 tokens for a document.
  const Result result =
      Call(*reranker, {.query = "qq", .documents = {std::string(59, 'x'), std::string(60, 'y')}});
  ASSERT_TRUE(result.ok());
  for (const ScoredDocument& document : result->documents) {
    EXPECT_EQ(document.truncated, document.index == 1);
  }
  EXPECT_EQ(result->usage.query_tokens, 2U);
  EXPECT_EQ(result->usage.document_tokens, 118U);
  EXPECT_EQ(result->usage.total_tokens, 128U);
}

TEST_F(LocalRerankerTest, RefusesToTruncateWhenAsked) {
  const auto reranker = Make();
  const Result result = Call(*reranker, {.query = "q",
                                         .documents = {"short", std::string(100, 'x')},
                                         .truncation = Truncation::kRefuse});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FieldOf(result.status()), "documents[1]");
  EXPECT_TRUE(scorer_->batches().empty());
}

TEST_F(LocalRerankerTest, AScoreThatIsNotFiniteIsAnError) {
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    const auto reranker = Make(SmallOptions(), std::make_unique<FakeScorer>([bad](auto batch) {
                                 return std::vector<float>(batch.size(), bad);
                               }));
    const Result result = Call(*reranker, {.query = "q", .documents = {"d"}});
    EXPECT_EQ(result.status().code(), absl::StatusCode::kInternal);
    EXPECT_THAT(std::string(result.status().message()), testing::HasSubstr("model test"));
  }
}

TEST_F(LocalRerankerTest, AQueueOverItsBoundRefusesWithATimeToRetry) {
  std::latch running(1);
  std::latch may_finish(1);
  LocalReranker::Options options = SmallOptions();
  options.engine.sessions = 1;
  options.engine.max_queued_documents = 4;
  const auto reranker = Make(options, std::make_unique<FakeScorer>([&](auto batch) {
                               running.count_down();
                               may_finish.wait();
                               return std::vector<float>(batch.size(), 1.0F);
                             }));
  auto first = Start(*reranker, {.query = "q", .documents = {"a", "b", "c"}});
  running.wait();
  const Result refused = Call(*reranker, {.query = "q", .documents = {"d", "e"}});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(RetryAfterOf(refused.status()).has_value());
  may_finish.count_down();
  EXPECT_TRUE(first.get().ok());
  EXPECT_TRUE(Call(*reranker, {.query = "q", .documents = {"d", "e"}}).ok());
  const Result too_many = Call(*reranker, {.query = "q", .documents = {"1", "2", "3", "4", "5"}});
  EXPECT_EQ(too_many.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(LocalRerankerTest, PastDeadlineOrCancelledNothingIsComputed) {
  const auto reranker = Make();
  const TimePoint past = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_EQ(Call(*reranker, {.query = "q", .documents = {"d"}, .deadline = past}).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  std::stop_source gone;
  gone.request_stop();
  EXPECT_EQ(Call(*reranker, {.query = "q", .documents = {"d"}, .cancelled = gone.get_token()})
                .status()
                .code(),
            absl::StatusCode::kCancelled);
  EXPECT_TRUE(scorer_->batches().empty());
}

TEST_F(LocalRerankerTest, CancellingMidwayDropsWhatIsQueued) {
  std::latch running(1);
  std::latch may_finish(1);
  LocalReranker::Options options = SmallOptions();
  options.engine.sessions = 1;
  options.engine.max_batch_tokens = 64;
  const auto reranker = Make(options, std::make_unique<FakeScorer>([&](auto batch) {
                               running.count_down();
                               may_finish.wait();
                               return std::vector<float>(batch.size(), 1.0F);
                             }));
  std::stop_source gone;
  auto result = Start(*reranker, {.query = "q",
                                  .documents = std::vector<std::string>(50, std::string(60, 'x')),
                                  .cancelled = gone.get_token()});
  running.wait();
  gone.request_stop();
  may_finish.count_down();
  EXPECT_EQ(result.get().status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(scorer_->batches().size(), 1U);
}

TEST_F(LocalRerankerTest, EndingAnswersEveryCall) {
  auto reranker = Make();
  std::vector<std::future<Result>> results;
  for (int i = 0; i < 50; ++i) {
    results.push_back(
        Start(*reranker,
              {.query = "q", .documents = std::vector<std::string>(400, std::string(200, 'x'))}));
  }
  reranker.reset();
  for (auto& result : results) {
    const Result answer = result.get();
    EXPECT_TRUE(answer.ok() || answer.status().code() == absl::StatusCode::kUnavailable)
        << answer.status();
  }
}

// A bi-encoder over two numbers a text: cosine of the angle of its length.
class AngleScorer : public Scorer {
 public:
  size_t width() const override { return 2; }
  absl::StatusOr<std::vector<float>> Score(std::span<const Encoding* const> batch) override {
    std::vector<float> rows;
    for (const Encoding* sequence : batch) {
      const float angle = 0.1F * static_cast<float>(sequence->ids.size());
      rows.push_back(std::cos(angle));
      rows.push_back(std::sin(angle));
    }
    return rows;
  }
};

TEST_F(LocalRerankerTest, ABiEncoderScoresByCosineAndReadsTheQueryOnce) {
  LocalReranker::Options options = SmallOptions();
  options.reads_pairs = false;
  LocalReranker reranker(options, std::make_unique<FakeTokenizer>(),
                         std::make_unique<AngleScorer>(), workers_);
  const Result result = Call(reranker, {.query = "abc", .documents = {"abcdef", "abcd", "a"}});
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ(result->documents.size(), 3U);
  EXPECT_EQ(result->documents[0].index, 1U);
  EXPECT_NEAR(result->documents[0].score, std::cos(0.1F), 1e-6);
  EXPECT_EQ(result->documents[1].index, 2U);
  EXPECT_NEAR(result->documents[1].score, std::cos(0.2F), 1e-6);
  EXPECT_EQ(result->usage.query_tokens, 3U);
  EXPECT_EQ(result->usage.document_tokens, 11U);
  EXPECT_EQ(result->usage.total_tokens, 3U + 11U + 4U * 2U);
}

// Small calls are tokenized by the caller's thread, large ones by the workers.
TEST_F(LocalRerankerTest, OutOfMemoryIsTheAnswerAndLeavesNothingBehind) {
  LocalReranker::Options options = SmallOptions();
  options.engine.max_queued_documents = 200;
  const auto reranker = Make(options);
  const std::string no_memory(FakeTokenizer::kNoMemory);
  for (int i = 0; i < 10; ++i) {
    for (const size_t size : {size_t{1}, size_t{1'000}}) {
      std::vector<std::string> documents(150, std::string(size, 'd'));
      EXPECT_EQ(Call(*reranker, {.query = no_memory, .documents = documents}).status().code(),
                absl::StatusCode::kResourceExhausted);
      documents[i] = no_memory;
      documents[149 - i] = no_memory;
      EXPECT_EQ(Call(*reranker, {.query = "q", .documents = documents}).status(),
                absl::ResourceExhaustedError("out of memory"));
    }
  }
  EXPECT_TRUE(
      Call(*reranker, {.query = "q", .documents = std::vector<std::string>(200, "d")}).ok());
}

// Any number of clients, any sizes: each pair scores what it scores alone, never another's.
TEST_F(LocalRerankerTest, SixtyFourClientsEachGetTheirOwnScores) {
  const auto reranker = Make();
  std::vector<std::jthread> clients;
  std::atomic<size_t> checked{0};
  for (int client = 0; client < 64; ++client) {
    clients.emplace_back([&, client] {
      std::mt19937 random(static_cast<unsigned>(client));
      for (int call = 0; call < 20; ++call) {
        const std::string query = fmt::format("q{}-{}", client, call);
        std::vector<std::string> documents(1 + random() % (call % 7 == 0 ? 300 : 20));
        for (size_t i = 0; i < documents.size(); ++i) {
          documents[i] = fmt::format("{}/{}/{}:", client, call, i);
          documents[i].append(random() % 150, static_cast<char>('a' + random() % 26));
        }
        const Result result = Call(*reranker, {.query = query, .documents = documents});
        ASSERT_TRUE(result.ok()) << result.status();
        ASSERT_EQ(result->documents.size(), documents.size());
        for (const ScoredDocument& document : result->documents) {
          ASSERT_EQ(document.score, Alone(query, documents[document.index]));
          ++checked;
        }
      }
    });
  }
  clients.clear();
  EXPECT_GT(checked, 64U * 20U);
}

}  // namespace
}  // namespace rerankd
