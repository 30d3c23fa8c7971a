// From one model entry of the configuration to something that serves calls.
#pragma once

#include <memory>
#include <stop_token>

#include "absl/status/statusor.h"
#include "config/server_config.h"
#include "engine/worker_pool.h"
#include "hub/model_hub.h"
#include "lifecycle/managed_model.h"
#include "observability/logging.h"
#include "observability/metrics.h"
#include "server/hosted_loading.h"

namespace rerankd {

// What models are loaded with and have in common; all of it outlives them.
struct LoadingTools {
  WorkerPool& tokenizing;
  Logger& logger;
  ModelHub* hub;                              // null: no entry names a model of the hub
  std::shared_ptr<const HostedTools> hosted;  // null: no entry is hosted
  Metrics* metrics;                           // null: nobody counts
};

// Of an entry that is computed here. Fetches its model where it is not there, loads it, and
// computes something with it, so that the first call is as fast as the next. Blocks for as long as
// that takes; ends with CANCELLED soon after `stop` is requested. An error is one line that says
// which file is at fault, and what would be right.
absl::StatusOr<ManagedModel::Loaded> LoadServedModel(const ModelEntry& entry,
                                                     const LoadingTools& tools,
                                                     const std::stop_token& stop);

// The entry's model, not loaded yet.
std::unique_ptr<ManagedModel> MakeManagedModel(const ModelEntry& entry, const LoadingTools& tools);

}  // namespace rerankd
