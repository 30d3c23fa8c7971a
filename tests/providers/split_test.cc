#include "providers/split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "core/top_k.h"

namespace rerankd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::pair<size_t, float>> Order(const RerankResult& result) {
  std::vector<std::pair<size_t, float>> order;
  for (const ScoredDocument& document : result.documents) {
    order.emplace_back(document.index, document.score);
  }
  return order;
}

TEST(SplitDocumentsTest, PartsAreAsFewAndAsEqualAsTheyCanBe) {
  EXPECT_THAT(SplitDocuments(0, 3), IsEmpty());
  EXPECT_THAT(SplitDocuments(3, 3), ElementsAre(DocumentRange{0, 3}));
  EXPECT_THAT(SplitDocuments(4, 3), ElementsAre(DocumentRange{0, 2}, DocumentRange{2, 2}));
  EXPECT_THAT(SplitDocuments(7, 3),
              ElementsAre(DocumentRange{0, 3}, DocumentRange{3, 2}, DocumentRange{5, 2}));
}

TEST(MergePartsTest, TheBestOfAllPartsAreTheBestOfTheWhole) {
  std::mt19937 random(1);
  for (size_t n = 1; n < 40; ++n) {
    const size_t top_k = random() % (n + 2);
    std::vector<ScoredDocument> all;
    for (size_t i = 0; i < n; ++i) all.push_back({i, static_cast<float>(random() % 8)});
    const std::vector<DocumentRange> ranges = SplitDocuments(n, 1 + random() % 7);
    std::vector<RerankResult> parts;
    for (const DocumentRange& range : ranges) {
      std::vector<ScoredDocument> part;
      for (size_t i = 0; i < range.size; ++i) part.push_back({i, all[range.begin + i].score});
      parts.push_back({.documents = TopK(std::move(part), top_k), .score_kind = ScoreKind::kRaw});
    }
    const auto merged = MergeParts(ranges, std::move(parts), top_k);
    ASSERT_TRUE(merged.ok());
    EXPECT_EQ(Order(*merged), Order({.documents = TopK(all, top_k)})) << n << " " << top_k;
  }
}

TEST(MergePartsTest, WhatWasBilledAddsUp) {
  RerankResult one{.documents = {{0, 1}}, .usage = {.query_tokens = 3, .document_tokens = 5}};
  one.usage.total_tokens = 8;
  one.usage.billed_units = 0.5;
  const auto merged = MergeParts({{0, 1}, {1, 1}}, {one, one}, 0);
  ASSERT_TRUE(merged.ok());
  EXPECT_EQ(merged->usage.query_tokens, 3) << "it is one query";
  EXPECT_EQ(merged->usage.document_tokens, 10);
  EXPECT_EQ(merged->usage.total_tokens, 16);
  EXPECT_EQ(merged->usage.billed_units, 1.0);
}

TEST(MergePartsTest, ScoresOfDifferentKindsHaveNoOrder) {
  const auto merged = MergeParts({{0, 1}, {1, 1}},
                                 {{.documents = {{0, 1}}, .score_kind = ScoreKind::kRaw},
                                  {.documents = {{0, 1}}, .score_kind = ScoreKind::kSigmoid}},
                                 0);
  EXPECT_EQ(merged.status().code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace rerankd
