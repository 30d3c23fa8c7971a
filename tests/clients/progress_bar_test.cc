#include "progress_bar.h"

#include <gtest/gtest.h>

#include <string>

namespace rerankd::client {
namespace {

TEST(BarLineTest, FillsTheLineButItsLastColumn) {
  EXPECT_EQ(BarLine(0.5, "5/10", 18), "[#####.....] 5/10");
  EXPECT_EQ(BarLine(0, "0/10", 18), "[..........] 0/10");
  EXPECT_EQ(BarLine(1, "done", 20), "[############] done");
  EXPECT_EQ(BarLine(2, "done", 18), "[##########] done");  // never longer
}

TEST(BarLineTest, IsNotLongerThanTheEyeNeeds) {
  EXPECT_EQ(BarLine(1, "", 500), "[" + std::string(40, '#') + "] ");
}

TEST(BarLineTest, LeavesTheBarOutWhereThereIsNoRoom) {
  EXPECT_EQ(BarLine(0.5, "5/10", 17), "5/10");
  EXPECT_EQ(BarLine(0.5, "5/10", 4), "5/1");
  EXPECT_EQ(BarLine(0.5, "5/10", 0), "");
}

}  // namespace
}  // namespace rerankd::client
