#include "latency_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace rerankd::client {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::nanoseconds;

TEST(LatencyHistogramTest, IsEmptyAtFirst) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.AtShare(0.99), nanoseconds(0));
  EXPECT_EQ(histogram.mean(), nanoseconds(0));
}

TEST(LatencyHistogramTest, SmallTimesAreExact) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 1000; ++i) histogram.Record(microseconds(i));
  EXPECT_EQ(histogram.AtShare(0.5), microseconds(500));
  EXPECT_EQ(histogram.AtShare(0.999), microseconds(999));
  EXPECT_EQ(histogram.AtShare(1), microseconds(1000));
  EXPECT_EQ(histogram.AtShare(0), microseconds(1));
  EXPECT_EQ(histogram.mean(), nanoseconds(500'500));
}

// Against the sorted values themselves, over nine decades.
TEST(LatencyHistogramTest, LargeTimesAreKeptToThreeDigits) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> exponent(0, 9);
  std::vector<microseconds> times;
  LatencyHistogram histogram;
  for (int i = 0; i < 20'000; ++i) {
    times.emplace_back(std::llround(std::pow(10, exponent(random))));
    histogram.Record(times.back());
  }
  std::sort(times.begin(), times.end());
  for (const double share : {0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<size_t>(std::ceil(share * 20'000 - 1e-9));
    const auto exact = static_cast<double>(times[rank - 1].count());
    const double kept = std::chrono::duration<double, std::micro>(histogram.AtShare(share)).count();
    EXPECT_GE(kept, exact) << share;
    EXPECT_LE(kept, exact * (1 + 1.0 / 1024)) << share;
  }
  EXPECT_EQ(histogram.max(), times.back());
}

TEST(LatencyHistogramTest, TakesWhatIsBelowZeroAndVeryLong) {
  LatencyHistogram histogram;
  histogram.Record(nanoseconds(-5));
  EXPECT_EQ(histogram.AtShare(1), nanoseconds(0));
  histogram.Record(hours(10'000));
  EXPECT_EQ(histogram.AtShare(1), hours(10'000));
}

TEST(LatencyHistogramTest, AddsUp) {
  LatencyHistogram one;
  LatencyHistogram other;
  one.Record(microseconds(1));
  other.Record(hours(1));
  one.Add(other);
  EXPECT_EQ(one.count(), 2U);
  EXPECT_EQ(one.AtShare(0.5), microseconds(1));
  EXPECT_EQ(one.max(), hours(1));
}

}  // namespace
}  // namespace rerankd::client
