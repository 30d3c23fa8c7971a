// A wait that a stop_token ends.
#pragma once

#include <chrono>
#include <stop_token>

namespace rerankd {

// Returns after `duration`, or as soon as `stop` is requested.
void Pause(std::chrono::milliseconds duration, const std::stop_token& stop);

}  // namespace rerankd
