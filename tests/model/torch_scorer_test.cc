#include "model/torch_scorer.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <latch>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// An allocation beyond reason fails as it does without AddressSanitizer, which would stop the test.
extern "C" const char* __asan_default_options();  // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }

namespace rerankd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A network that is a function.
class FakeArchitecture : public Architecture {
 public:
  using Function = std::function<at::Tensor(const PackedBatch&)>;
  explicit FakeArchitecture(Function function) : function_(std::move(function)) {}
  int64_t width() const override { return 2; }
  at::Tensor Forward(const PackedBatch& batch) const override { return function_(batch); }

 private:
  Function function_;
};

TorchScorer MakeScorer(FakeArchitecture::Function function, int threads = 1) {
  return TorchScorer(std::make_unique<FakeArchitecture>(std::move(function)),
                     {.max_tokens = 5, .vocab_size = 100, .type_vocab_size = 2}, c10::kCPU,
                     threads);
}

Encoding Sequence(std::vector<int32_t> ids, int32_t type = 0) {
  Encoding encoding{.ids = std::move(ids)};
  encoding.type_ids.assign(encoding.ids.size(), type);
  return encoding;
}

absl::StatusOr<std::vector<float>> Score(TorchScorer& scorer, const std::vector<Encoding>& batch) {
  std::vector<const Encoding*> pointers;
  for (const Encoding& encoding : batch) pointers.push_back(&encoding);
  return scorer.Score(pointers);
}

TEST(TorchScorerTest, PacksSequencesEndToEnd) {
  TorchScorer scorer = MakeScorer([](const PackedBatch& batch) {
    EXPECT_EQ(batch.offsets, (std::vector<int64_t>{0, 3, 4, 6}));
    EXPECT_EQ(batch.sequences(), 3);
    EXPECT_EQ(batch.rows() % 16, 0);
    const auto front = [](const at::Tensor& tensor) {
      const auto* first = static_cast<const int32_t*>(tensor.const_data_ptr());
      return std::vector<int32_t>(first, first + 7);
    };
    EXPECT_EQ(front(batch.ids), (std::vector<int32_t>{10, 11, 12, 20, 30, 31, 0}));
    EXPECT_EQ(front(batch.type_ids), (std::vector<int32_t>{0, 0, 0, 1, 1, 1, 0}));
    EXPECT_EQ(front(batch.positions), (std::vector<int32_t>{0, 1, 2, 0, 0, 1, 0}));
    return at::arange(6, at::kFloat).view({3, 2});
  });
  EXPECT_EQ(scorer.width(), 2U);
  const auto scores =
      Score(scorer, {Sequence({10, 11, 12}), Sequence({20}, 1), Sequence({30, 31}, 1)});
  ASSERT_TRUE(scores.ok()) << scores.status();
  EXPECT_THAT(*scores, ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(TorchScorerTest, AnEmptyBatchHasNoScores) {
  TorchScorer scorer = MakeScorer([](const PackedBatch&) -> at::Tensor {
    ADD_FAILURE();
    return {};
  });
  EXPECT_TRUE(Score(scorer, {}).value().empty());
}

TEST(TorchScorerTest, NothingOutsideATableIsRead) {
  TorchScorer scorer = MakeScorer([](const PackedBatch&) -> at::Tensor {
    ADD_FAILURE();
    return {};
  });
  const auto error = [&](const Encoding& sequence) {
    const auto scores = Score(scorer, {Sequence({1}), sequence});
    EXPECT_EQ(scores.status().code(), absl::StatusCode::kInternal);
    return std::string(scores.status().message());
  };
  EXPECT_THAT(error(Sequence({})), HasSubstr("sequence 1 has 0 tokens"));
  EXPECT_THAT(error(Sequence({1, 2, 3, 4, 5, 6})), HasSubstr("6 tokens; the model reads 1 to 5"));
  EXPECT_THAT(error(Sequence({1, 100})), HasSubstr("vocabulary of 100"));
  EXPECT_THAT(error(Sequence({-1})), HasSubstr("vocabulary of 100"));
  EXPECT_THAT(error(Sequence({1}, 2)), HasSubstr("type id outside the 2"));
  EXPECT_THAT(error(Sequence({1}, -1)), HasSubstr("type id outside the 2"));
  Encoding short_types = Sequence({1, 2});
  short_types.type_ids.pop_back();
  EXPECT_THAT(error(short_types), HasSubstr("2 tokens, but 1 type ids"));
}

TEST(TorchScorerTest, TypeIdsThatNobodyReadsMayBeAnything) {
  TorchScorer scorer(
      std::make_shared<FakeArchitecture>([](const PackedBatch&) { return at::zeros({1, 2}); }),
      {.max_tokens = 5, .vocab_size = 100, .type_vocab_size = 0}, c10::kCPU, 1);
  EXPECT_TRUE(Score(scorer, {Sequence({1}, 7)}).ok());
}

TEST(TorchScorerTest, ExceptionsBecomeStatuses) {
  const auto status = [](FakeArchitecture::Function function) {
    TorchScorer scorer = MakeScorer(std::move(function));
    return Score(scorer, {Sequence({1})}).status();
  };
  const absl::Status bad_alloc =
      status([](const PackedBatch&) -> at::Tensor { throw std::bad_alloc(); });
  EXPECT_EQ(bad_alloc.code(), absl::StatusCode::kResourceExhausted);
  // LibTorch's own allocator, asked for more than any machine has.
  const absl::Status too_large =
      status([](const PackedBatch&) { return at::empty({int64_t{1} << 55}, at::kFloat); });
  EXPECT_EQ(too_large.code(), absl::StatusCode::kResourceExhausted) << too_large;
  EXPECT_THAT(std::string(too_large.message()), HasSubstr("out of memory"));
  for (const char* text : {"CUDA error: out of memory\nCompile with",
                           "CUDA error: "
                           "CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"}) {
    const absl::Status on_gpu =
        status([&](const PackedBatch&) -> at::Tensor { throw std::runtime_error(text); });
    EXPECT_EQ(on_gpu.code(), absl::StatusCode::kResourceExhausted) << on_gpu;
  }
  const absl::Status mismatch =
      status([](const PackedBatch&) { return at::mm(at::ones({2, 3}), at::ones({2, 3})); });
  EXPECT_EQ(mismatch.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(mismatch.message()), HasSubstr("mat1 and mat2"));
  EXPECT_EQ(std::string(mismatch.message()).find('\n'), std::string::npos);
  const absl::Status other =
      status([](const PackedBatch&) -> at::Tensor { throw std::runtime_error("odd\ndetails"); });
  EXPECT_EQ(other.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(std::string(other.message()), "LibTorch: odd");
  const absl::Status unknown = status([](const PackedBatch&) -> at::Tensor { throw 7; });
  EXPECT_EQ(unknown.code(), absl::StatusCode::kInternal);
}

TEST(TorchScorerTest, EachThreadKeepsTheThreadsOfItsSession) {
  std::latch all_prepared(2);
  const auto session = [&](int threads_per_session) {
    TorchScorer scorer = MakeScorer(
        [](const PackedBatch&) { return at::full({1, 2}, at::get_num_threads(), at::kFloat); },
        threads_per_session);
    scorer.PrepareThread();
    all_prepared.arrive_and_wait();
    const auto threads = static_cast<float>(threads_per_session);
    EXPECT_THAT(Score(scorer, {Sequence({1})}).value(), ElementsAre(threads, threads));
  };
  const std::jthread two([&] { session(2); });
  const std::jthread three([&] { session(3); });
}

TEST(TorchScorerTest, RunsInInferenceMode) {
  TorchScorer scorer = MakeScorer([](const PackedBatch&) {
    EXPECT_TRUE(c10::InferenceMode::is_enabled());
    return at::zeros({1, 2});
  });
  EXPECT_TRUE(Score(scorer, {Sequence({1})}).ok());
}

}  // namespace
}  // namespace rerankd
