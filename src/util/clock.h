// Time as the project passes it around: a steady time point, given as an argument wherever a
// decision depends on it, so that tests need no sleep.
#pragma once

#include <chrono>

namespace rerankd {

using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

inline constexpr TimePoint kNoDeadline = TimePoint::max();

// For logs.
inline double Milliseconds(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace rerankd
