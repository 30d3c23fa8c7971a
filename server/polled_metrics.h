// Metrics that nobody counts: they are looked up when somebody asks for them.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <memory>
#include <utility>
#include <vector>

#include "observability/tracing/span_queue.h"
#include "security/tls_files.h"
#include "service/catalog.h"
#include "service/grpc_server.h"

namespace rerankd {

// In which state each model is.
class ModelStates : public prometheus::Collectable {
 public:
  // REQUIRES: `catalog` is filled, and outlives this.
  explicit ModelStates(const Catalog& catalog) : catalog_(catalog) {}
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Catalog& catalog_;
};

// How busy the server is.
class ServerLoad : public prometheus::Collectable {
 public:
  // REQUIRES: `server` outlives this.
  ServerLoad(const GrpcServer& server, size_t max_concurrent_requests)
      : server_(server), limit_(max_concurrent_requests) {}
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const GrpcServer& server_;
  const size_t limit_;
};

// Until when the certificate is valid that new connections are shown.
class CertificateExpiry : public prometheus::Collectable {
 public:
  explicit CertificateExpiry(std::shared_ptr<TlsSource> tls) : tls_(std::move(tls)) {}
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const std::shared_ptr<TlsSource> tls_;
};

// What of the traces was lost.
class DroppedSpans : public prometheus::Collectable {
 public:
  explicit DroppedSpans(std::shared_ptr<const SpanQueue> spans) : spans_(std::move(spans)) {}
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const std::shared_ptr<const SpanQueue> spans_;
};

}  // namespace rerankd
