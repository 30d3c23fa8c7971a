// Where Prometheus comes for the metrics.
#pragma once

#include <prometheus/collectable.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "observability/metrics_options.h"

namespace prometheus {
class Exposer;
}

namespace rerankd {

// An HTTP server that answers GET /metrics, on threads of its own, from Start() until it is
// destroyed. It serves 16 connections at a time and drops one whose request is not there within two
// seconds. All methods may be called from any thread.
class MetricsEndpoint {
 public:
  // FAILED_PRECONDITION: `options.listen` cannot be listened on; INVALID_ARGUMENT: it is no
  // address.
  static absl::StatusOr<std::unique_ptr<MetricsEndpoint>> Start(const MetricsOptions& options);
  // Waits for answers that are being written.
  ~MetricsEndpoint();
  MetricsEndpoint(const MetricsEndpoint&) = delete;
  MetricsEndpoint& operator=(const MetricsEndpoint&) = delete;

  // What to dial: `options.listen` with the port that was really bound.
  const std::string& address() const { return address_; }

  // From now on `part` is in every answer, until it goes away or is removed. Once Remove() returns
  // nobody looks at it any more.
  void Add(const std::shared_ptr<prometheus::Collectable>& part);
  void Remove(const std::shared_ptr<prometheus::Collectable>& part);

 private:
  MetricsEndpoint();

  std::unique_ptr<prometheus::Exposer> exposer_;
  std::string address_;
};

}  // namespace rerankd
