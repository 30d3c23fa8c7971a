// A line at the bottom of a terminal that says how far something is.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace rerankd::client {

// A bar that is full at a `fraction` of 1, and `text` (ASCII), on one line of less than `columns`.
std::string BarLine(double fraction, std::string_view text, size_t columns);

// Redraws such a line on stderr in place, not more often than the eye can follow; messages go above
// it. For one thread at a time.
class ProgressBar {
 public:
  explicit ProgressBar(size_t columns) : columns_(columns) {}

  void Update(double fraction, std::string_view text);  // drawn in any case when `fraction` is 1
  void Say(std::string_view message);
  void Keep() const;   // leaves what was drawn last and goes to the next line
  void Clear() const;  // leaves nothing

 private:
  const size_t columns_;
  std::chrono::steady_clock::time_point drawn_;
};

}  // namespace rerankd::client
