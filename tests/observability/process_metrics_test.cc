#include "observability/process_metrics.h"

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <ctime>
#include <vector>

#include "support/metrics_text.h"

namespace rerankd {
namespace {

TEST(ProcessStatTest, ReadsTheValuesBehindANameThatLooksLikeMore) {
  const auto stat = ParseProcessStat(
      "77 (a b) R 1) S 1 77 77 0 -1 4194304 9 9 9 9 250 50 9 9 20 0 3 0 4000 1000000 25 99 0", 100,
      4096);
  ASSERT_TRUE(stat.ok()) << stat.status();
  EXPECT_EQ(stat->cpu_seconds, 3);
  EXPECT_EQ(stat->start_ticks, 4000);
  EXPECT_EQ(stat->virtual_memory_bytes, 1'000'000);
  EXPECT_EQ(stat->resident_memory_bytes, 25 * 4096);
}

TEST(ProcessStatTest, WhatIsNoneIsRefused) {
  for (const char* text : {"", "77 name S 1", "77 (a) S 1 77",
                           "77 (a) S 1 77 77 0 -1 4 9 9 9 9 x 50 9 9 20 0 3 0 4 1 2"}) {
    EXPECT_FALSE(ParseProcessStat(text, 100, 4096).ok()) << text;
  }
}

TEST(ProcessMetricsTest, TellOfThisProcess) {
  std::vector<char> memory(size_t{16} << 20, 'x');
  const MetricsText text(prometheus::TextSerializer().Serialize(ProcessMetrics().Collect()));
  EXPECT_GT(text.Value("process_resident_memory_bytes"), static_cast<double>(memory.size()));
  EXPECT_GT(text.Value("process_virtual_memory_bytes"),
            text.Value("process_resident_memory_bytes"));
  EXPECT_GE(text.Value("process_cpu_seconds_total"), 0);
  EXPECT_GE(text.Value("process_open_fds"), 3);
  EXPECT_GT(text.Value("process_max_fds"), text.Value("process_open_fds"));
  const auto now = static_cast<double>(std::time(nullptr));
  EXPECT_LE(text.Value("process_start_time_seconds"), now + 1);
  EXPECT_GT(text.Value("process_start_time_seconds"), now - 3600);
}

}  // namespace
}  // namespace rerankd
