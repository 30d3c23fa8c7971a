#include "pull.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace rerankd::client {
namespace {

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
