// What one call leaves behind in the log; never the text of a query or document.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "core/types.h"
#include "observability/tracing/trace_context.h"

namespace rerankd {

struct RequestLog {
  std::string id;  // the caller's x-request-id, or made up; printable ASCII
  // Of the trace that the call came with, or began because it was sampled; zero: there is none.
  TraceId trace_id{};
  std::string method;  // "Rerank", "ListModels", "GetModel"
  std::string tenant;  // whose API key the call showed; empty: none, or a wrong one
  std::string peer;    // as gRPC names it, for example "ipv4:127.0.0.1:41234"
  std::string model;   // the model that was used; empty when the call failed before it was known
  // That was asked, where another one (`model`) stood in for it; else empty.
  std::string asked_model;
  size_t documents = 0;
  size_t results = 0;
  TokenUsage usage;
  Timings timings;
  Duration total{};     // from the arrival of the request until the answer was handed to gRPC
  absl::Status status;  // as answered
};

// Called once for each call that reached a handler, on the thread that answers it: must be safe
// for concurrent use and must not block.
using RequestLogger = std::function<void(const RequestLog&)>;

}  // namespace rerankd
