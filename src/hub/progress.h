// How far a download is, as numbers and as text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "util/clock.h"

namespace rerankd {

struct HubProgress {
  uint64_t total_bytes = 0;   // of all blobs that the model needs and the cache lacks
  uint64_t done_bytes = 0;    // of those, what is on disk
  uint64_t reused_bytes = 0;  // of those, what an earlier, interrupted download had left
  size_t total_files = 0;
  size_t done_files = 0;
};

// What a caller wants to hear while a model is being fetched; either may be empty. Both are called
// from several threads, but never at the same time, and must not call the hub.
struct HubObserver {
  std::function<void(const HubProgress&)> on_progress;  // after each piece; totals are final
  std::function<void(const std::string&)> on_message;   // one line: what it waits for, or retries
};

// How much of it is done, 0 to 1.
double Fraction(const HubProgress& progress);

// "1.2 GB of 2.3 GB (52 %), 3 of 8 files, 34 MB/s, 32 s left": the speed since `elapsed` ago.
std::string ProgressText(const HubProgress& progress, Duration elapsed);

// An observer for a log: each message, and a line of progress once in `interval`.
HubObserver LoggingObserver(std::function<void(const std::string&)> log,
                            std::chrono::seconds interval = std::chrono::seconds(10));

}  // namespace rerankd
