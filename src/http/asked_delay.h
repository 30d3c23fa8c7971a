// How long the one who answered asks to be left alone.
#pragma once

#include <chrono>
#include <optional>

#include "absl/time/time.h"
#include "http/http_client.h"

namespace rerankd {

// The first of these that the answer has and that makes sense: retry-after-ms, Retry-After
// (seconds, whole or not, or a date), the "t" of a RateLimit header whose "r" is 0. Never negative;
// at most a year. A date is counted from `now`, or, where that is not given, from the Date of the
// answer, which also makes up for clocks that differ.
std::optional<std::chrono::milliseconds> AskedDelay(const HttpResponse& response,
                                                    std::optional<absl::Time> now = std::nullopt);

}  // namespace rerankd
