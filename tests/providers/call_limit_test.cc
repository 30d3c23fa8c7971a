#include "providers/call_limit.h"

#include <gtest/gtest.h>

namespace rerankd {
namespace {

using Entry = CallLimit::Entry;

TEST(CallLimitTest, SoManyGoAndTheRestWaitsInOrder) {
  CallLimit limit;
  EXPECT_EQ(limit.Enter(1, 2, 2), Entry::kGoes);
  EXPECT_EQ(limit.Enter(2, 2, 2), Entry::kGoes);
  EXPECT_EQ(limit.Enter(3, 2, 2), Entry::kWaits);
  EXPECT_EQ(limit.Enter(4, 2, 2), Entry::kWaits);
  EXPECT_EQ(limit.Enter(5, 2, 2), Entry::kRefused);
  EXPECT_EQ(limit.TakeNext(), std::nullopt);
  limit.Leave();
  EXPECT_EQ(limit.TakeNext(), 3);
  EXPECT_EQ(limit.TakeNext(), std::nullopt);
  limit.Leave();
  limit.Leave();
  EXPECT_EQ(limit.TakeNext(), 4);
  limit.Leave();
  EXPECT_TRUE(limit.empty());
}

TEST(CallLimitTest, NobodyOvertakesWhoWaits) {
  CallLimit limit;
  EXPECT_EQ(limit.Enter(1, 1, 9), Entry::kGoes);
  EXPECT_EQ(limit.Enter(2, 1, 9), Entry::kWaits);
  limit.Leave();
  EXPECT_EQ(limit.Enter(3, 1, 9), Entry::kWaits);
  EXPECT_EQ(limit.TakeNext(), 2);
}

TEST(CallLimitTest, WhoeverWithdrewIsPassedOver) {
  CallLimit limit;
  EXPECT_EQ(limit.Enter(1, 1, 9), Entry::kGoes);
  EXPECT_EQ(limit.Enter(2, 1, 9), Entry::kWaits);
  EXPECT_EQ(limit.Enter(3, 1, 9), Entry::kWaits);
  EXPECT_TRUE(limit.Withdraw(2));
  EXPECT_FALSE(limit.Withdraw(2));
  EXPECT_FALSE(limit.Withdraw(1)) << "it runs";
  limit.Leave();
  EXPECT_EQ(limit.TakeNext(), 3);
  EXPECT_FALSE(limit.Withdraw(3));
}

TEST(CallLimitTest, ZeroIsNoLimit) {
  CallLimit limit;
  for (uint64_t id = 0; id < 100; ++id) EXPECT_EQ(limit.Enter(id, 0, 0), Entry::kGoes);
  EXPECT_EQ(limit.running(), 100);
}

}  // namespace
}  // namespace rerankd
