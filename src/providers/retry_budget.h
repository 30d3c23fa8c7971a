// Keeps retries from making an overload worse: as gRPC's retry throttling does it (gRFC A6).
#pragma once

#include <algorithm>

namespace rerankd {

// Pure: failures pay one token, successes give a tenth back; there are retries while more than half
// of the tokens are there. Not thread-safe.
class RetryBudget {
 public:
  // 0: there are always retries.
  explicit RetryBudget(int max_tokens) : max_(max_tokens), tokens_(max_tokens) {}

  void Succeeded() { tokens_ = std::min(max_, tokens_ + kPerSuccess); }
  void Failed() { tokens_ = std::max(0.0, tokens_ - 1); }
  bool allows_retry() const { return max_ == 0 || tokens_ > max_ / 2; }

 private:
  static constexpr double kPerSuccess = 0.1;
  const double max_;
  double tokens_;
};

}  // namespace rerankd
