// Which trace a call belongs to, as W3C's Trace Context has it
// (https://www.w3.org/TR/trace-context).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace rerankd {

// All zeros: none.
using TraceId = std::array<uint8_t, 16>;
using SpanId = std::array<uint8_t, 8>;

// Lower case.
std::string ToHex(std::span<const uint8_t> id);

struct TraceContext {
  TraceId trace_id{};  // not zero
  SpanId span_id{};    // the caller's span; not zero
  bool sampled = false;
};

// The value of `traceparent`. nullopt: it is malformed, and the call begins a trace of its own. Of
// a version that is newer than this program it reads what all versions have in common.
std::optional<TraceContext> ParseTraceparent(std::string_view text);

// Whether `text`, the values of `tracestate` joined by commas, can be passed on: at most 32 members
// that are spelled right, no key twice, 512 characters. What cannot is left out; the trace goes on.
bool IsTracestate(std::string_view text);

}  // namespace rerankd
