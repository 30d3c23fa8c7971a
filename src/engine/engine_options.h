// Settings of the local engine, for each model entry.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

namespace rerankd {

// On a processor larger batches gain nothing, since nothing is padded; a GPU needs them to be busy.
inline constexpr size_t kBatchTokensOnProcessor = 1024;
inline constexpr size_t kBatchTokensOnGpu = 16384;
// While one batch computes, the next one is made ready and copied.
inline constexpr int kSessionsOnGpu = 2;

struct EngineOptions {
  // Batches computed at the same time, each on a thread of its own; 0: one for each
  // `threads_per_session` of the processors that this process may use, or kSessionsOnGpu.
  int sessions = 0;
  // Threads that work on one batch together.
  int threads_per_session = 1;
  // Tokens, special ones included, that one batch holds at most (a longer single sequence is a
  // batch of its own); unset: kBatchTokensOnProcessor, or kBatchTokensOnGpu.
  std::optional<size_t> max_batch_tokens;
  // How long a session that could start waits for a batch to fill up; 0: it takes what is there.
  std::chrono::microseconds max_batch_delay{0};
  // Documents admitted and not yet answered; past that, calls are refused with RESOURCE_EXHAUSTED.
  size_t max_queued_documents = 100'000;
};

// With what `options` leaves to the device: sessions and max_batch_tokens are set.
EngineOptions Resolved(EngineOptions options, bool on_gpu, int processors);

}  // namespace rerankd
