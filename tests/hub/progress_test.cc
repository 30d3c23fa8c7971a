#include "hub/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace rerankd {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;

TEST(ProgressTest, AsText) {
  HubProgress progress{.total_bytes = 2'300'000'000, .total_files = 8};
  EXPECT_EQ(ProgressText(progress, seconds(0)), "0 B of 2.3 GB (0 %), 0 of 8 files");
  progress.done_bytes = 1'150'000'000;
  progress.done_files = 3;
  EXPECT_EQ(ProgressText(progress, seconds(10)),
            "1.1 GB of 2.3 GB (50 %), 3 of 8 files, 115 MB/s, 10 s left");
  // What was there already says nothing about the speed.
  progress.reused_bytes = 1'149'000'000;
  EXPECT_EQ(ProgressText(progress, seconds(10)),
            "1.1 GB of 2.3 GB (50 %), 3 of 8 files, 100 kB/s, 3 h 11 min left");
  progress.done_bytes = progress.total_bytes;
  progress.done_files = 8;
  EXPECT_EQ(ProgressText(progress, seconds(100)),
            "2.3 GB of 2.3 GB (100 %), 8 of 8 files, 11.5 MB/s");
}

TEST(ProgressTest, Fractions) {
  EXPECT_EQ(Fraction({.total_bytes = 4, .done_bytes = 1}), 0.25);
  EXPECT_EQ(Fraction({.total_bytes = 4, .done_bytes = 5}), 1);
  EXPECT_EQ(Fraction({.total_files = 1}), 0);
  EXPECT_EQ(Fraction({}), 1);
}

TEST(ProgressTest, ALogHearsEachMessageAndNotEachPiece) {
  std::vector<std::string> lines;
  const auto log = [&](const std::string& line) { lines.push_back(line); };
  const HubObserver seldom = LoggingObserver(log, seconds(3600));
  seldom.on_progress({.total_bytes = 2, .done_bytes = 1});
  seldom.on_message("waiting");
  seldom.on_progress({.total_bytes = 2, .done_bytes = 2});
  EXPECT_THAT(lines, ElementsAre("waiting"));
  const HubObserver always = LoggingObserver(log, seconds(0));
  always.on_progress({.total_bytes = 2, .done_bytes = 1, .total_files = 1});
  EXPECT_THAT(lines,
              ElementsAre("waiting", testing::StartsWith("1 B of 2 B (50 %), 0 of 1 files")));
}

}  // namespace
}  // namespace rerankd
