// Times in constant memory, each kept to three significant digits.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace rerankd::client {

// Counts times in buckets whose width doubles from one power of two to the next: 1024 to each
// power, so that a value is at most 1/1024 too high, from a microsecond to hours. Not thread-safe.
class LatencyHistogram {
 public:
  using Duration = std::chrono::nanoseconds;

  void Record(Duration time);  // below 0 counts as 0
  void Add(const LatencyHistogram& other);

  uint64_t count() const { return count_; }
  Duration max() const { return max_; }  // exact
  Duration mean() const;                 // exact; 0 without any
  // The least value that so large a share of all times does not exceed. `share` is from 0 to 1.
  // 0 without any.
  Duration AtShare(double share) const;

 private:
  std::vector<uint64_t> counts_;  // by bucket, as many as are needed
  uint64_t count_ = 0;
  Duration max_{};
  Duration sum_{};
};

}  // namespace rerankd::client
