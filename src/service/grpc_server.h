// The gRPC server: the public API, health checks and reflection over a catalog of models.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "security/access_control.h"
#include "security/tls_files.h"
#include "service/call_tracer.h"
#include "service/catalog.h"
#include "service/request_log.h"
#include "service/service_options.h"

namespace rerankd {

// Who may connect, and who may call. Both empty: everybody who reaches the server.
struct ServerSecurity {
  std::shared_ptr<TlsSource> tls;          // of the TCP listeners
  bool require_client_certificate = true;  // where `tls` has authorities of clients
  std::shared_ptr<AccessControl> access;
};

// Serves from Start() until Stop(). Health (grpc.health.v1) is SERVING in between for the name and
// the aliases of every model that can serve and, while at least one can, for "" and
// "rerank.v1.RerankService"; it is NOT_SERVING from BeginShutdown() on.
// All methods may be called from any thread.
class GrpcServer {
 public:
  // Listens and serves. `catalog` must outlive the server; `logger` may be empty, and
  // without a `tracer` no call is traced.
  // FAILED_PRECONDITION says why an address of `options.listen` cannot be used, for example because
  // the port is in use. INVALID_ARGUMENT names an option that cannot be right.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(
      const ServiceOptions& options, const Catalog& catalog, RequestLogger logger,
      ServerSecurity security = {}, std::shared_ptr<const CallTracer> tracer = nullptr);
  // Stops without grace, if still running.
  ~GrpcServer();
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  // What a client on this machine dials: `options.listen` with the ports that were really bound.
  const std::vector<std::string>& addresses() const;
  // The first of them.
  const std::string& address() const { return addresses().front(); }
  // The first port that was bound; 0: there are only Unix sockets.
  int port() const;
  // Calls that are not answered yet.
  size_t calls_in_progress() const;

  // Begins to drain and returns at once: health turns NOT_SERVING, new calls are refused with
  // UNAVAILABLE, running ones go on. Further calls do nothing.
  void BeginShutdown();

  // Drains, waits for running calls up to `grace`, cancels what is left, and stops listening.
  // Returns true when no call had to be cancelled. Once it returns no handler runs any more, but a
  // Reranker may still hold requests that it has not answered. Further calls do nothing.
  bool Stop(std::chrono::milliseconds grace);

 private:
  class Impl;
  explicit GrpcServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rerankd
