// Ids for traces and spans.
#pragma once

#include "observability/tracing/trace_context.h"

namespace rerankd {

// Random, and never zero. From any thread.
TraceId RandomTraceId();
SpanId RandomSpanId();

}  // namespace rerankd
