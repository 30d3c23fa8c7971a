#include "ranking_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

namespace rerankd::client {
namespace {

using testing::Optional;

MATCHER_P(Near, expected, "") { return std::abs(arg - expected) < 1e-9; }

using Ids = std::vector<std::string>;

// log2(3) = 1.5849625007, log2(5) = 2.3219280949.
TEST(NdcgTest, DiscountsGradesByRank) {
  const Grades grades = {{"a", 3}, {"c", 2}, {"d", 1}, {"e", 0}};
  // (3 + 0 + 2/2) / (3 + 2/1.5849625007 + 1/2)
  EXPECT_THAT(Ndcg(Ids{"a", "b", "c"}, grades, 10), Optional(Near(4 / 4.7618595071)));
  EXPECT_THAT(Ndcg(Ids{"a", "c", "d"}, grades, 10), Optional(Near(1.0)));
  EXPECT_THAT(Ndcg(Ids{"e", "x", "y"}, grades, 10), Optional(Near(0.0)));
  EXPECT_THAT(Ndcg(Ids{}, grades, 10), Optional(Near(0.0)));
  // (1 + 2/1.5849625007 + 3/2 + 0/log2(5)) / the same
  EXPECT_THAT(Ndcg(Ids{"d", "c", "a", "e"}, grades, 10),
              Optional(Near(3.7618595071 / 4.7618595071)));
}

TEST(NdcgTest, TheIdealOrderIsOfAllJudgedDocumentsButOnlySoDeep) {
  const Grades grades = {{"a", 1}, {"b", 1}, {"c", 1}};
  EXPECT_THAT(Ndcg(Ids{"a"}, grades, 10), Optional(Near(1 / (1 + 1 / std::log2(3) + 0.5))));
  EXPECT_THAT(Ndcg(Ids{"x", "a", "b"}, grades, 2),
              Optional(Near((1 / std::log2(3)) / (1 + 1 / std::log2(3)))));
}

TEST(NdcgTest, GradesBelowZeroCountAsZero) {
  const Grades grades = {{"a", 1}, {"spam", -2}};
  EXPECT_THAT(Ndcg(Ids{"spam", "a"}, grades, 10), Optional(Near(1 / std::log2(3))));
}

TEST(NdcgTest, NothingRelevantIsNoValue) {
  EXPECT_EQ(Ndcg(Ids{"a"}, {}, 10), std::nullopt);
  EXPECT_EQ(Ndcg(Ids{"a"}, {{"a", 0}, {"b", -1}}, 10), std::nullopt);
}

TEST(ReciprocalRankTest, OfTheFirstRelevantDocument) {
  const Grades grades = {{"a", 1}, {"b", 2}};
  EXPECT_THAT(ReciprocalRank(Ids{"x", "a", "b"}, grades, 1, 10), Optional(Near(0.5)));
  EXPECT_THAT(ReciprocalRank(Ids{"x", "a", "b"}, grades, 2, 10), Optional(Near(1.0 / 3)));
  EXPECT_EQ(ReciprocalRank(Ids{"x", "a", "b"}, grades, 3, 10), std::nullopt);
  EXPECT_THAT(ReciprocalRank(Ids{"x", "y", "a"}, grades, 1, 2), Optional(Near(0.0)));
  EXPECT_THAT(ReciprocalRank(Ids{}, grades, 1, 10), Optional(Near(0.0)));
}

TEST(MeanTest, OfValues) {
  EXPECT_EQ(Mean({}), std::nullopt);
  EXPECT_THAT(Mean(std::vector<double>{1, 2, 6}), Optional(Near(3.0)));
}

TEST(PercentileTest, NearestRank) {
  EXPECT_EQ(Percentile({}, 0.5), std::nullopt);
  EXPECT_EQ(Percentile({7}, 0.5), 7);
  EXPECT_EQ(Percentile({4, 1, 3, 2}, 0.5), 2);
  EXPECT_EQ(Percentile({5, 4, 1, 3, 2}, 0.5), 3);
  EXPECT_EQ(Percentile({4, 1, 3, 2}, 0.99), 4);
  std::vector<double> hundred;
  for (int i = 100; i > 0; --i) hundred.push_back(i);
  EXPECT_EQ(Percentile(hundred, 0.99), 99);
  EXPECT_EQ(Percentile(hundred, 0.001), 1);
}

}  // namespace
}  // namespace rerankd::client
