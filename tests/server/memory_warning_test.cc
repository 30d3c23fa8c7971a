#include "server/memory_warning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rerankd {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

constexpr uint64_t kMiB = 1 << 20;

TEST(MemoryWarningTest, SaysNothingWhereTheModelFits) {
  EXPECT_EQ(
      MemoryWarning(
          {.weights = 100 * kMiB, .sessions = 2, .in_use = 100 * kMiB, .available = 1024 * kMiB}),
      std::nullopt);
}

TEST(MemoryWarningTest, NamesTheLimitAndOneThatWouldDo) {
  const MemoryNeeds needs{
      .weights = 1264 * kMiB, .sessions = 2, .in_use = 60 * kMiB, .available = 1024 * kMiB};
  const auto warning = MemoryWarning(needs);
  EXPECT_THAT(warning, Optional(HasSubstr("the limit is 1024 MiB")));
  EXPECT_THAT(warning, Optional(HasSubstr("weights take about 1264 MiB")));
  // What it recommends is enough.
  MemoryNeeds enough = needs;
  enough.available = 1452 * kMiB;
  EXPECT_THAT(warning, Optional(HasSubstr("raise the limit to 1452 MiB")));
  EXPECT_EQ(MemoryWarning(enough), std::nullopt);
}

TEST(MemoryWarningTest, EverySessionCounts) {
  MemoryNeeds needs{.weights = 100 * kMiB, .sessions = 1, .available = 200 * kMiB};
  EXPECT_EQ(MemoryWarning(needs), std::nullopt);
  needs.sessions = 64;
  EXPECT_NE(MemoryWarning(needs), std::nullopt);
}

}  // namespace
}  // namespace rerankd
