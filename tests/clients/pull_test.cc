#include "pull.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace rerankd::client {
namespace {

using std::chrono::seconds;
using ::testing::EndsWith;
using ::testing::StartsWith;

constexpr HubProgress kHalf = {
    .total_bytes = 2000, .done_bytes = 1000, .total_files = 2, .done_files = 1};

TEST(ProgressLineTest, ABarAndTheNumbers) {
  EXPECT_THAT(ProgressLine(kHalf, seconds(10), 200),
              AllOf(StartsWith("[" + std::string(20, '#') + std::string(20, '.') + "] 1.0 kB of"),
                    EndsWith("100 B/s, 10 s left")));
  EXPECT_THAT(ProgressLine({.total_bytes = 1, .done_bytes = 1, .total_files = 1, .done_files = 1},
                           seconds(1), 200),
              StartsWith("[" + std::string(40, '#') + "] 1 B of 1 B (100 %)"));
}

TEST(ProgressLineTest, NeverWraps) {
  for (size_t columns = 1; columns < 120; ++columns) {
    EXPECT_LT(ProgressLine(kHalf, seconds(10), columns).size(), columns);
  }
  EXPECT_EQ(ProgressLine(kHalf, seconds(10), 0), "");
}

TEST(PullOptionsTest, ArgumentsOverrideTheEnvironment) {
  setenv("HF_ENDPOINT", "https://one.example", 1);
  setenv("HF_HUB_CACHE", "/one", 1);
  EXPECT_EQ(PullOptions({})->endpoint, "https://one.example");
  EXPECT_EQ(PullOptions({})->cache_dir, "/one");
  const auto options = PullOptions({.endpoint = "https://two.example", .cache_dir = "/two"});
  EXPECT_EQ(options->endpoint, "https://two.example");
  EXPECT_EQ(options->cache_dir, "/two");
}

}  // namespace
}  // namespace rerankd::client
