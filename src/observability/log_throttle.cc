#include "observability/log_throttle.h"

#include <utility>

namespace rerankd {

std::optional<uint64_t> LogThrottle::Admit(const std::string& place, TimePoint now) {
  const auto [found, fresh] = places_.try_emplace(place, Place{.written = now});
  Place& entry = found->second;
  if (!fresh && now < entry.written + interval_) {
    ++entry.left_out;
    return std::nullopt;
  }
  entry.written = now;
  return std::exchange(entry.left_out, 0);
}

}  // namespace rerankd
