// How often a line that may come without end is written.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "util/clock.h"

namespace rerankd {

// Lets one line an interval through for each place in a program that writes lines. Grows with the
// number of places, so they must be few: never make one of what a stranger sent. Not thread-safe.
class LogThrottle {
 public:
  explicit LogThrottle(Duration interval) : interval_(interval) {}

  // How many lines of `place` were left out since the last that was written; unset: leave out this
  // one, too.
  std::optional<uint64_t> Admit(const std::string& place, TimePoint now);

 private:
  struct Place {
    TimePoint written;
    uint64_t left_out = 0;
  };

  const Duration interval_;
  std::map<std::string, Place> places_;
};

}  // namespace rerankd
