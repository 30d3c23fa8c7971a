#include "server/request_log_fields.h"

#include "core/errors.h"

namespace rerankd {

LogLevel LevelOf(const RequestLog& request) {
  switch (request.status.code()) {
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDataLoss:
      return LogLevel::kError;
    case absl::StatusCode::kResourceExhausted:
      // A full queue says when to come back; memory that ran out does not.
      return RetryAfterOf(request.status).has_value() ? LogLevel::kInfo : LogLevel::kError;
    default:
      return LogLevel::kInfo;
  }
}

LogFields FieldsOf(const RequestLog& request) {
  LogFields fields{{"id", request.id},
                   {"method", request.method},
                   {"peer", request.peer},
                   {"status", absl::StatusCodeToString(request.status.code())},
                   {"model", request.model},
                   {"documents", request.documents},
                   {"results", request.results},
                   {"query_tokens", request.usage.query_tokens},
                   {"document_tokens", request.usage.document_tokens},
                   {"total_tokens", request.usage.total_tokens},
                   {"tokenize_ms", Milliseconds(request.timings.tokenize)},
                   {"queue_ms", Milliseconds(request.timings.queue)},
                   {"compute_ms", Milliseconds(request.timings.compute)},
                   {"total_ms", Milliseconds(request.total)}};
  if (request.trace_id != TraceId{}) fields.emplace_back("trace_id", ToHex(request.trace_id));
  if (!request.tenant.empty()) fields.emplace_back("tenant", request.tenant);
  if (!request.status.ok()) fields.emplace_back("error", std::string(request.status.message()));
  return fields;
}

}  // namespace rerankd
