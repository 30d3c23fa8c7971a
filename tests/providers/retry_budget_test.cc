#include "providers/retry_budget.h"

#include <gtest/gtest.h>

namespace rerankd {
namespace {

TEST(RetryBudgetTest, StopsRetriesWhenHalfIsSpentAndEarnsThemBack) {
  RetryBudget budget(10);
  for (int i = 0; i < 4; ++i) budget.Failed();
  EXPECT_TRUE(budget.allows_retry());
  budget.Failed();
  EXPECT_FALSE(budget.allows_retry());
  budget.Succeeded();
  EXPECT_TRUE(budget.allows_retry());
}

TEST(RetryBudgetTest, NeitherOverdrawsNorSaves) {
  RetryBudget budget(10);
  for (int i = 0; i < 1000; ++i) budget.Succeeded();
  for (int i = 0; i < 5; ++i) budget.Failed();
  EXPECT_FALSE(budget.allows_retry()) << "more than all of it was there";
  for (int i = 0; i < 1000; ++i) budget.Failed();
  for (int i = 0; i < 52; ++i) budget.Succeeded();
  EXPECT_TRUE(budget.allows_retry()) << "less than nothing was there";
}

TEST(RetryBudgetTest, ZeroIsNone) {
  RetryBudget budget(0);
  for (int i = 0; i < 100; ++i) budget.Failed();
  EXPECT_TRUE(budget.allows_retry());
}

}  // namespace
}  // namespace rerankd
