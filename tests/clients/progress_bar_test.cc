#include "progress_bar.h"

#include <gtest/gtest.h>

#include <chrono>
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

TEST(ProgressBarTest, IsALineNowAndThenWhereThereIsNoTerminal) {
  std::chrono::steady_clock::time_point now;
  testing::internal::CaptureStderr();
  ProgressBar bar(80, /*terminal=*/false, [&] { return now; });
  for (int second = 1; second <= 12; ++second) {
    now += std::chrono::seconds(1);
    bar.Update(second / 12.0, std::to_string(second) + " calls");
  }
  bar.Say("a message");
  bar.Clear();
  bar.Keep();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), " 42%  5 calls\n 83%  10 calls\na message\n");
}

TEST(ProgressBarTest, IsRedrawnOnATerminal) {
  std::chrono::steady_clock::time_point now;
  now += std::chrono::hours(1);
  testing::internal::CaptureStderr();
  ProgressBar bar(18, /*terminal=*/true, [&] { return now; });
  bar.Update(0, "0/10");
  bar.Update(0.1, "1/10");  // sooner than the eye could follow
  bar.Update(1, "done");
  bar.Clear();
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "\r\033[K[..........] 0/10\r\033[K[##########] done\r\033[K");
}

}  // namespace
}  // namespace rerankd::client
