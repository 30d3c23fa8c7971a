// A piece of work with a beginning and an end, one of those that make up a trace.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "observability/tracing/trace_context.h"

namespace rerankd {

// No text of a query, a document or an error is ever in one.
struct Span {
  enum class Kind { kInternal, kServer, kClient };
  using Value = std::variant<std::string, int64_t>;

  TraceId trace_id{};
  SpanId id{};
  SpanId parent{};             // zero: it is the first of its trace
  bool parent_remote = false;  // the parent is another process's
  std::string trace_state;     // W3C's tracestate, as the caller sent it
  std::string name;
  Kind kind = Kind::kInternal;
  int64_t begin_ns = 0;  // since 1970
  int64_t end_ns = 0;
  std::vector<std::pair<std::string, Value>> attributes;
  bool failed = false;
};

}  // namespace rerankd
