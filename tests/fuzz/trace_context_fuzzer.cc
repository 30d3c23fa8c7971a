// What callers send as traceparent and tracestate is untrusted bytes: a trace that is read is one
// that can be spelled as the standard has it, and a tracestate that is taken is taken again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "observability/tracing/trace_context.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto context = rerankd::ParseTraceparent(text); context.has_value()) {
    const std::string ids =
        rerankd::ToHex(context->trace_id) + "-" + rerankd::ToHex(context->span_id);
    if (text.substr(3, ids.size()) != ids) std::abort();
    const auto again = rerankd::ParseTraceparent("00-" + ids + (context->sampled ? "-01" : "-00"));
    if (!again.has_value() || again->trace_id != context->trace_id ||
        again->span_id != context->span_id || again->sampled != context->sampled ||
        context->trace_id == rerankd::TraceId{} || context->span_id == rerankd::SpanId{}) {
      std::abort();
    }
  }
  if (rerankd::IsTracestate(text)) {
    const bool printable =
        std::ranges::all_of(text, [](char c) { return c == '\t' || (c >= 0x20 && c <= 0x7e); });
    if (!printable || text.size() > 512 || !rerankd::IsTracestate(std::string(text))) std::abort();
  }
  return 0;
}
