#include "service/otlp_conversions.h"

#include <string_view>

namespace rerankd {
namespace {

namespace otlp = opentelemetry::proto;

using Attributes = google::protobuf::RepeatedPtrField<otlp::common::v1::KeyValue>;

otlp::common::v1::AnyValue& Add(std::string_view key, Attributes& attributes) {
  otlp::common::v1::KeyValue& added = *attributes.Add();
  added.set_key(key.data(), key.size());
  return *added.mutable_value();
}

void SetId(std::span<const uint8_t> id, std::string& out) { out.assign(id.begin(), id.end()); }

otlp::trace::v1::Span::SpanKind KindOf(Span::Kind kind) {
  switch (kind) {
    case Span::Kind::kServer:
      return otlp::trace::v1::Span::SPAN_KIND_SERVER;
    case Span::Kind::kClient:
      return otlp::trace::v1::Span::SPAN_KIND_CLIENT;
    case Span::Kind::kInternal:
      break;
  }
  return otlp::trace::v1::Span::SPAN_KIND_INTERNAL;
}

void Convert(const Span& span, otlp::trace::v1::Span& out) {
  constexpr uint32_t kSampled = 1;
  SetId(span.trace_id, *out.mutable_trace_id());
  SetId(span.id, *out.mutable_span_id());
  if (span.parent != SpanId{}) SetId(span.parent, *out.mutable_parent_span_id());
  out.set_trace_state(span.trace_state);
  uint32_t flags = kSampled | otlp::trace::v1::SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK;
  if (span.parent_remote) flags |= otlp::trace::v1::SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK;
  out.set_flags(flags);
  out.set_name(span.name);
  out.set_kind(KindOf(span.kind));
  out.set_start_time_unix_nano(static_cast<uint64_t>(span.begin_ns));
  out.set_end_time_unix_nano(static_cast<uint64_t>(span.end_ns));
  for (const auto& [key, value] : span.attributes) {
    otlp::common::v1::AnyValue& added = Add(key, *out.mutable_attributes());
    if (const auto* text = std::get_if<std::string>(&value)) {
      added.set_string_value(*text);
    } else {
      added.set_int_value(std::get<int64_t>(value));
    }
  }
  if (span.failed) out.mutable_status()->set_code(otlp::trace::v1::Status::STATUS_CODE_ERROR);
}

}  // namespace

otlp::collector::trace::v1::ExportTraceServiceRequest ToOtlp(std::span<const Span> spans,
                                                             const TraceResource& resource) {
  otlp::collector::trace::v1::ExportTraceServiceRequest request;
  otlp::trace::v1::ResourceSpans& of_resource = *request.add_resource_spans();
  Attributes& attributes = *of_resource.mutable_resource()->mutable_attributes();
  Add("service.name", attributes).set_string_value(resource.service_name);
  Add("service.version", attributes).set_string_value(resource.service_version);
  Add("service.instance.id", attributes).set_string_value(resource.instance_id);
  otlp::trace::v1::ScopeSpans& of_scope = *of_resource.add_scope_spans();
  of_scope.mutable_scope()->set_name("rerankd");
  of_scope.mutable_scope()->set_version(resource.service_version);
  of_scope.mutable_spans()->Reserve(static_cast<int>(spans.size()));
  for (const Span& span : spans) Convert(span, *of_scope.add_spans());
  return request;
}

}  // namespace rerankd
