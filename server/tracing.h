// Distributed traces: what the configuration and the environment make of them.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "observability/logging.h"
#include "observability/tracing/span_queue.h"
#include "observability/tracing_options.h"
#include "service/call_tracer.h"
#include "service/otlp_exporter.h"
#include "util/environment.h"

namespace rerankd {

// `settings`, and where they say nothing OpenTelemetry's OTEL_EXPORTER_OTLP_ENDPOINT and
// OTEL_SERVICE_NAME. An endpoint that is meant for another protocol (OTEL_EXPORTER_OTLP_PROTOCOL)
// does not count, nor does one that cannot be right: they are set for many programs at once.
TracingOptions WithEnvironment(TracingOptions settings, const EnvironmentLookup& environment);

// All that traces need, while there is a collector.
class Tracing {
 public:
  // `options.endpoint` is not empty. FAILED_PRECONDITION, NOT_FOUND: the file of certificates that
  // SSL_CERT_FILE names cannot be used. REQUIRES: `logger` outlives the object.
  static absl::StatusOr<std::unique_ptr<Tracing>> Open(const TracingOptions& options,
                                                       const EnvironmentLookup& environment,
                                                       Logger& logger);
  // Sends what is left, for two seconds at most.
  ~Tracing();
  Tracing(const Tracing&) = delete;
  Tracing& operator=(const Tracing&) = delete;

  const std::shared_ptr<const CallTracer>& tracer() const { return tracer_; }
  const std::shared_ptr<SpanQueue>& spans() const { return spans_; }

 private:
  Tracing(const TracingOptions& options, OtlpExporter::Options exporter);

  const std::shared_ptr<SpanQueue> spans_;  // calls may hold it for longer
  const std::shared_ptr<const CallTracer> tracer_;
  OtlpExporter exporter_;
};

}  // namespace rerankd
