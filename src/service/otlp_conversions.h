// Spans as the messages of OpenTelemetry's protocol.
#pragma once

#include <span>
#include <string>

#include "observability/tracing/span.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb.h"

namespace rerankd {

// What all spans of a process come from.
struct TraceResource {
  std::string service_name;
  std::string service_version;
  std::string instance_id;
};

opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest ToOtlp(
    std::span<const Span> spans, const TraceResource& resource);

}  // namespace rerankd
