#include "engine/engine_options.h"

#include <algorithm>

namespace rerankd {

EngineOptions Resolved(EngineOptions options, bool on_gpu, int processors) {
  options.threads_per_session = std::max(1, options.threads_per_session);
  if (options.sessions <= 0) {
    options.sessions =
        on_gpu ? kSessionsOnGpu : std::max(1, processors / options.threads_per_session);
  }
  if (!options.max_batch_tokens) {
    options.max_batch_tokens = on_gpu ? kBatchTokensOnGpu : kBatchTokensOnProcessor;
  }
  return options;
}

}  // namespace rerankd
