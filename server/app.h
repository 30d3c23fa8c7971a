// The composition root: from a configuration to a running server and back to nothing.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "config/server_config.h"
#include "engine/worker_pool.h"
#include "http/curl_async_client.h"
#include "hub/model_hub.h"
#include "observability/logging.h"
#include "observability/metrics.h"
#include "observability/metrics_endpoint.h"
#include "observability/process_metrics.h"
#include "server/hosted_loading.h"
#include "server/polled_metrics.h"
#include "server/tracing.h"
#include "service/catalog.h"
#include "service/grpc_server.h"

namespace rerankd {

// Not thread-safe: one thread loads, starts and stops it.
class App {
 public:
  // Loads the models that are wanted at the start. `logger` must outlive the app. An error is one
  // line that says which model and file are at fault, and what would be right.
  static absl::StatusOr<std::unique_ptr<App>> Load(const ServerConfig& config, Logger& logger);
  // Stops without grace, if still serving.
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  // Listens, serves from then on, and writes the port file. Errors are as of Load().
  absl::Status Serve();

  // Drains and stops: health turns NOT_SERVING, new calls are refused, running ones have up to
  // `grace` to end before they are cancelled. Removes the port file. Returns true when no call had
  // to be cancelled. Further calls do nothing.
  bool Stop(std::chrono::milliseconds grace);

 private:
  App(ServerConfig config, Logger& logger);
  // So that an address that cannot be had is told before models are loaded. It may still be taken
  // meanwhile.
  absl::Status CheckAddresses() const;
  // Reads the files of certificates and keys, so that a wrong one is told before models are loaded.
  absl::Status OpenSecurity();
  void WarnWhenExposed() const;
  void WarnBeforeCertificateExpires() const;
  absl::Status OpenTracing();
  absl::Status ConnectHub();
  absl::Status ConnectProviders();
  absl::Status ServeMetrics();
  absl::Status LoadModels();
  // Whether the server starts without the model, should it not load.
  bool MayBeMissing(size_t model) const;

  const ServerConfig config_;
  Logger& logger_;
  const TimePoint began_;
  // In the order of construction: each uses those above it, from threads of its own.
  WorkerPool tokenizing_;
  std::unique_ptr<Metrics> metrics_;       // when somebody may ask for them
  std::unique_ptr<Tracing> tracing_;       // when there is a collector; ends after the last call
  std::unique_ptr<ModelHub> hub_;          // when a model comes from there
  std::unique_ptr<CurlAsyncClient> http_;  // when a model is hosted; closed before the models end
  std::unique_ptr<WorkerPool> reading_;    // likewise
  std::shared_ptr<const HostedTools> hosted_;
  Catalog catalog_;
  ServerSecurity security_;
  std::unique_ptr<GrpcServer> server_;
  std::shared_ptr<ProcessMetrics> process_metrics_;
  std::shared_ptr<ModelStates> model_states_;
  std::shared_ptr<ServerLoad> server_load_;
  std::shared_ptr<CertificateExpiry> certificate_expiry_;
  std::shared_ptr<DroppedSpans> dropped_spans_;
  std::unique_ptr<MetricsEndpoint> metrics_endpoint_;  // looks at all of the above
};

}  // namespace rerankd
