#include "engine/engine_options.h"

#include <gtest/gtest.h>

namespace rerankd {
namespace {

TEST(EngineOptionsTest, AProcessorHasASessionForEachOfItsThreads) {
  EXPECT_EQ(Resolved({}, /*on_gpu=*/false, 8).sessions, 8);
  EXPECT_EQ(Resolved({.threads_per_session = 3}, false, 8).sessions, 2);
  EXPECT_EQ(Resolved({.threads_per_session = 9}, false, 8).sessions, 1);
  EXPECT_EQ(Resolved({}, false, 8).max_batch_tokens, kBatchTokensOnProcessor);
}

TEST(EngineOptionsTest, AGpuHasFewSessionsWithLargeBatches) {
  EXPECT_EQ(Resolved({}, /*on_gpu=*/true, 64).sessions, kSessionsOnGpu);
  EXPECT_EQ(Resolved({}, true, 64).max_batch_tokens, kBatchTokensOnGpu);
  EXPECT_GT(kBatchTokensOnGpu, kBatchTokensOnProcessor);
}

TEST(EngineOptionsTest, WhatIsSetStays) {
  for (const bool on_gpu : {false, true}) {
    const EngineOptions options = Resolved({.sessions = 5, .max_batch_tokens = 77}, on_gpu, 8);
    EXPECT_EQ(options.sessions, 5);
    EXPECT_EQ(options.max_batch_tokens, 77U);
  }
}

}  // namespace
}  // namespace rerankd
