// Saying on stderr how far something is: on a terminal by a line at its bottom, elsewhere by a line
// now and then.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace rerankd::client {

// A bar that is full at a `fraction` of 1, and `text` (ASCII), on one line of less than `columns`.
std::string BarLine(double fraction, std::string_view text, size_t columns);

// On a terminal, redraws such a line in place, not more often than the eye can follow; messages go
// above it. Elsewhere, where nobody may be looking, prints the share and `text` every five seconds:
// what takes less says nothing. For one thread at a time.
class ProgressBar {
 public:
  using Now = std::function<std::chrono::steady_clock::time_point()>;

  ProgressBar(size_t columns, bool terminal, Now now = &std::chrono::steady_clock::now)
      : columns_(columns), terminal_(terminal), now_(std::move(now)), printed_(now_()) {}

  // On a terminal it is drawn in any case when `fraction` is 1.
  void Update(double fraction, std::string_view text);
  void Say(std::string_view message);
  void Keep() const;   // leaves what was drawn last and goes to the next line
  void Clear() const;  // leaves nothing

 private:
  const size_t columns_;
  const bool terminal_;
  const Now now_;
  std::chrono::steady_clock::time_point drawn_;    // on a terminal
  std::chrono::steady_clock::time_point printed_;  // elsewhere; at first: since when
};

}  // namespace rerankd::client
