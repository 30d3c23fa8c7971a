// From one model entry of the configuration to something that serves calls.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "config/server_config.h"
#include "core/model_info.h"
#include "core/reranker.h"
#include "engine/worker_pool.h"
#include "observability/logging.h"

namespace rerankd {

struct ServedModel {
  ModelInfo info;
  std::shared_ptr<Reranker> reranker;
};

// Loads the entry's model and computes something with it, so that the first call is as fast as the
// next. Blocks for as long as that takes. `tokenizing` and `logger` must outlive the model. An
// error is one line that says which file is at fault, and what would be right.
absl::StatusOr<ServedModel> LoadServedModel(const ModelEntry& entry, WorkerPool& tokenizing,
                                            Logger& logger);

}  // namespace rerankd
