#include "observability/tracing/sampler.h"

#include <gtest/gtest.h>

#include <set>

#include "observability/tracing/random_id.h"

namespace rerankd {
namespace {

TEST(SamplerTest, ACallersTraceIsTheCallersDecision) {
  TraceContext caller;
  caller.sampled = true;
  EXPECT_TRUE(Sampler(0).Samples(caller));
  caller.sampled = false;
  EXPECT_FALSE(Sampler(1).Samples(caller));
}

TEST(SamplerTest, TakesAShareOfTheIds) {
  TraceId id{};
  id.fill(0xff);
  EXPECT_TRUE(Sampler(1).SamplesRoot(id));
  EXPECT_FALSE(Sampler(0.99).SamplesRoot(id));
  id.fill(0);
  EXPECT_FALSE(Sampler(0).SamplesRoot(id));
  EXPECT_TRUE(Sampler(0.001).SamplesRoot(id));
  // Only the last seven bytes are random for sure: half of what they can be.
  id[9] = 0x7f;
  EXPECT_TRUE(Sampler(0.5).SamplesRoot(id));
  id[9] = 0x80;
  EXPECT_FALSE(Sampler(0.5).SamplesRoot(id));
  id = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  EXPECT_TRUE(Sampler(0.5).SamplesRoot(id));
}

TEST(SamplerTest, WhatASmallerShareTakesALargerOneTakesToo) {
  int few = 0;
  int many = 0;
  for (int i = 0; i < 1000; ++i) {
    const TraceId id = RandomTraceId();
    const bool in_few = Sampler(0.2).SamplesRoot(id);
    const bool in_many = Sampler(0.6).SamplesRoot(id);
    EXPECT_TRUE(in_many || !in_few);
    few += in_few;
    many += in_many;
  }
  // Ten standard deviations and more on either side.
  EXPECT_GT(few, 50);
  EXPECT_LT(few, 350);
  EXPECT_GT(many, 400);
  EXPECT_LT(many, 800);
}

TEST(RandomIdTest, NoTwoAreTheSame) {
  std::set<TraceId> traces;
  std::set<SpanId> spans;
  for (int i = 0; i < 1000; ++i) {
    traces.insert(RandomTraceId());
    spans.insert(RandomSpanId());
  }
  EXPECT_EQ(traces.size(), 1000);
  EXPECT_EQ(spans.size(), 1000);
}

}  // namespace
}  // namespace rerankd
