// From an entry that a provider hosts to something that serves calls.
#pragma once

#include <memory>
#include <stop_token>

#include "absl/status/statusor.h"
#include "config/server_config.h"
#include "engine/worker_pool.h"
#include "http/async_http_client.h"
#include "lifecycle/managed_model.h"
#include "observability/logging.h"
#include "observability/metrics.h"
#include "providers/key_limits.h"
#include "service/catalog.h"

namespace rerankd {

// What hosted models have in common; all of it outlives them and their calls.
struct HostedTools {
  AsyncHttpClient& http;
  WorkerPool& reading;  // of large answers
  std::shared_ptr<KeyLimits> limits;
  const Catalog& catalog;  // of those that may stand in for others
  Logger& logger;
  Metrics* metrics;  // null: nobody counts
};

// What the entry needs of this machine before any call: the files that it names (its key, its
// certificates, or SSL_CERT_FILE in their place). An error is one line that begins with the model's
// name and the setting.
absl::Status CheckHostedFiles(const ModelEntry& entry);

// Sends nothing: a provider that cannot be reached shows in the calls and in the model's health.
// FAILED_PRECONDITION: there is no key; the message says where it was looked for.
absl::StatusOr<ManagedModel::Loaded> LoadHostedModel(const ModelEntry& entry, ModelInfo info,
                                                     const HostedTools& tools);

}  // namespace rerankd
