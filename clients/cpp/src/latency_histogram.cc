#include "latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace rerankd::client {
namespace {

constexpr int kBits = 10;  // of a value that a bucket tells apart
constexpr uint64_t kPerPower = uint64_t{1} << kBits;

// Values below 2 * kPerPower have a bucket each. Above, those with the same leading bits share one.
size_t BucketOf(uint64_t microseconds) {
  const int shift = std::max(0, static_cast<int>(std::bit_width(microseconds)) - kBits - 1);
  return static_cast<size_t>(shift) * kPerPower + (microseconds >> shift);
}

// The largest value of the bucket.
uint64_t TopOf(size_t bucket) {
  const size_t power = bucket / kPerPower;
  const uint64_t shift = power > 0 ? power - 1 : 0;
  const uint64_t leading = bucket - shift * kPerPower;
  return ((leading + 1) << shift) - 1;
}

}  // namespace

void LatencyHistogram::Record(Duration time) {
  time = std::max(time, Duration::zero());
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(time);
  const size_t bucket = BucketOf(static_cast<uint64_t>(whole.count()));
  if (bucket >= counts_.size()) counts_.resize(bucket + 1);
  ++counts_[bucket];
  ++count_;
  max_ = std::max(max_, time);
  sum_ += time;
}

void LatencyHistogram::Add(const LatencyHistogram& other) {
  counts_.resize(std::max(counts_.size(), other.counts_.size()));
  for (size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

LatencyHistogram::Duration LatencyHistogram::mean() const {
  return count_ == 0 ? Duration::zero() : sum_ / static_cast<int64_t>(count_);
}

LatencyHistogram::Duration LatencyHistogram::AtShare(double share) const {
  const auto rank = std::max<uint64_t>(
      1, static_cast<uint64_t>(std::ceil(share * static_cast<double>(count_) - 1e-9)));
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket < counts_.size(); ++bucket) {
    seen += counts_[bucket];
    if (seen >= rank) return std::min<Duration>(std::chrono::microseconds(TopOf(bucket)), max_);
  }
  return max_;
}

}  // namespace rerankd::client
