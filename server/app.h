// The composition root: from a configuration to a running server and back to nothing.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "config/server_config.h"
#include "engine/worker_pool.h"
#include "observability/logging.h"
#include "service/catalog.h"
#include "service/grpc_server.h"

namespace rerankd {

// Serves from Start() on. Not thread-safe: one thread starts and stops it.
class App {
 public:
  // Loads the models, computes something with each so that the first call is as fast as the next,
  // listens, and writes the port file. `logger` must outlive the app. An error is one line that
  // says which model, file or setting is at fault; nothing is left running then.
  static absl::StatusOr<std::unique_ptr<App>> Start(const ServerConfig& config, Logger& logger);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  // What a client on this machine dials.
  const std::string& address() const { return server_->address(); }

  // Drains and stops: health turns NOT_SERVING, new calls are refused, running ones have up to
  // `grace` to end before they are cancelled. Removes the port file. Returns true when every call
  // ended by itself.
  bool Stop(std::chrono::milliseconds grace);

 private:
  App(const ServerConfig& config, Logger& logger);
  absl::Status LoadModels(const ServerConfig& config);
  absl::Status AddModel(const ModelEntry& entry);

  Logger& logger_;
  const std::filesystem::path port_file_;
  // In the order of construction: each uses those above it, from threads of its own.
  WorkerPool tokenizing_;
  Catalog catalog_;
  std::unique_ptr<GrpcServer> server_;
};

}  // namespace rerankd
