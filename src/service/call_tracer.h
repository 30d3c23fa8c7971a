// Calls as spans of distributed traces.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/call_trace.h"
#include "observability/tracing/sampler.h"
#include "observability/tracing/span.h"
#include "observability/tracing/span_queue.h"
#include "observability/tracing/trace_context.h"
#include "service/request_log.h"
#include "util/mutex.h"

namespace rerankd {

// The trace of one Rerank call: its own span, and one for each thing that was done for it. They go
// to the queue once the last who may still add one has let go. Attributes are named by
// OpenTelemetry's conventions for RPC and HTTP where there is one.
class TracedCall : public CallTrace {
 public:
  // What all spans of a call have in common.
  struct Origin {
    TraceId trace_id{};
    SpanId parent{};  // the caller's span; zero: the call begins a trace
    std::string trace_state;
  };

  // `start`: when the call came.
  TracedCall(Origin origin, TimePoint start, std::shared_ptr<SpanQueue> spans);
  ~TracedCall() override;
  TracedCall(const TracedCall&) = delete;
  TracedCall& operator=(const TracedCall&) = delete;

  const TraceId& trace_id() const { return origin_.trace_id; }

  // The call was answered so. A call that never is leaves nothing.
  void End(const RequestLog& log) RERANKD_EXCLUDES(mutex_);

  void Worked(Stage stage, TimePoint begin, TimePoint end) override RERANKD_EXCLUDES(mutex_);
  void ProviderAsked(ProviderRequest request) override RERANKD_EXCLUDES(mutex_);

 private:
  Span MakeSpan(std::string name, TimePoint begin, TimePoint end) const;
  void Add(Span span) RERANKD_EXCLUDES(mutex_);

  const Origin origin_;
  const SpanId id_;  // of the call's own span
  const TimePoint start_;
  const std::chrono::system_clock::time_point start_time_;
  const std::shared_ptr<SpanQueue> queue_;

  Mutex mutex_;
  bool ended_ RERANKD_GUARDED_BY(mutex_) = false;
  std::vector<Span> spans_ RERANKD_GUARDED_BY(mutex_);
  size_t left_out_ RERANKD_GUARDED_BY(mutex_) = 0;
};

// Decides which calls are traced. Safe for concurrent use.
class CallTracer {
 public:
  CallTracer(const Sampler& sampler, std::shared_ptr<SpanQueue> spans)
      : sampler_(sampler), spans_(std::move(spans)) {}

  // Null: the call is not traced. `caller` is the trace that it came with; `trace_state` is asked
  // only for a call that is traced and continues one.
  std::shared_ptr<TracedCall> Begin(const std::optional<TraceContext>& caller,
                                    const std::function<std::string()>& trace_state,
                                    TimePoint start) const;

 private:
  const Sampler sampler_;
  const std::shared_ptr<SpanQueue> spans_;
};

// CallTracer::Begin() of `tracer`; null where there is none. A call that is not traced costs no
// memory either way.
std::shared_ptr<TracedCall> BeginTrace(const CallTracer* tracer,
                                       const std::optional<TraceContext>& caller,
                                       const std::function<std::string()>& trace_state,
                                       TimePoint start);

}  // namespace rerankd
