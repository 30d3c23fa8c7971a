#include "service/call_tracer.h"

#include <fmt/format.h>

#include <utility>

#include "core/errors.h"
#include "observability/tracing/random_id.h"
#include "service/service_options.h"
#include "util/no_throw.h"

namespace rerankd {
namespace {

// Of one call. A large one to a provider may be sent in hundreds of parts.
constexpr size_t kMostSpans = 128;

int64_t Nanoseconds(std::chrono::system_clock::duration duration) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}

const char* NameOf(CallTrace::Stage stage) {
  switch (stage) {
    case CallTrace::Stage::kTokenize:
      return "tokenize";
    case CallTrace::Stage::kQueue:
      return "queue";
    case CallTrace::Stage::kCompute:
      return "compute";
  }
  return "";
}

// What OpenTelemetry counts as a server's error: not what its caller did wrong, or gave up.
bool IsServersError(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDataLoss:
      return true;
    default:
      return false;
  }
}

void AddError(const absl::Status& status, Span& span) {
  if (status.ok()) return;
  span.failed = IsServersError(status.code());
  span.attributes.emplace_back("error.type", absl::StatusCodeToString(status.code()));
  if (const std::optional<ErrorInfo> info = ErrorInfoOf(status)) {
    span.attributes.emplace_back("rerankd.error.reason", info->reason);
  }
}

void DescribeCall(const RequestLog& log, Span& span) {
  auto& attributes = span.attributes;
  attributes = {{"rpc.system", "grpc"},
                {"rpc.service", std::string(kServiceName)},
                {"rpc.method", log.method},
                {"rpc.grpc.status_code", static_cast<int64_t>(log.status.code())},
                {"rerankd.request.id", log.id},
                {"rerankd.documents", static_cast<int64_t>(log.documents)}};
  if (!log.model.empty()) attributes.emplace_back("rerankd.model", log.model);
  if (!log.asked_model.empty()) attributes.emplace_back("rerankd.model.asked", log.asked_model);
  if (log.status.ok()) {
    attributes.emplace_back("rerankd.results", static_cast<int64_t>(log.results));
    attributes.emplace_back("rerankd.tokens", static_cast<int64_t>(log.usage.total_tokens));
  }
  AddError(log.status, span);
}

void DescribeRequest(CallTrace::ProviderRequest request, Span& span) {
  constexpr int kFirstError = 400;
  auto& attributes = span.attributes;
  span.kind = Span::Kind::kClient;
  attributes = {{"http.request.method", std::move(request.method)},
                {"server.address", std::move(request.host)},
                {"server.port", int64_t{request.port}}};
  if (request.earlier > 0) {
    attributes.emplace_back("http.request.resend_count", int64_t{request.earlier});
  }
  if (request.http_status != 0) {
    attributes.emplace_back("http.response.status_code", int64_t{request.http_status});
  }
  span.failed = request.http_status == 0 || request.http_status >= kFirstError;
  if (span.failed) {
    attributes.emplace_back("error.type", request.http_status == 0
                                              ? std::move(request.error)
                                              : std::to_string(request.http_status));
  }
}

}  // namespace

TracedCall::TracedCall(Origin origin, TimePoint start, std::shared_ptr<SpanQueue> spans)
    : origin_(std::move(origin)),
      id_(RandomSpanId()),
      start_(start),
      // Spans need the time of day; one look at that clock keeps them in step with each other.
      start_time_(std::chrono::system_clock::now() - (std::chrono::steady_clock::now() - start)),
      queue_(std::move(spans)) {}

TracedCall::~TracedCall() {
  std::vector<Span> spans;
  {
    const MutexLock lock(mutex_);
    if (!ended_) return;
    if (left_out_ > 0) queue_->CountDropped(left_out_);
    spans.swap(spans_);
  }
  const size_t size = spans.size();
  const absl::Status added = WithoutThrowing([&] {
    queue_->Add(std::move(spans), std::chrono::steady_clock::now());
    return absl::OkStatus();
  });
  if (!added.ok()) queue_->CountDropped(size);
}

Span TracedCall::MakeSpan(std::string name, TimePoint begin, TimePoint end) const {
  const int64_t start_ns = Nanoseconds(start_time_.time_since_epoch());
  Span span;
  span.trace_id = origin_.trace_id;
  span.id = RandomSpanId();
  span.parent = id_;
  span.trace_state = origin_.trace_state;
  span.name = std::move(name);
  span.begin_ns = start_ns + Nanoseconds(begin - start_);
  span.end_ns = start_ns + Nanoseconds(end - start_);
  return span;
}

void TracedCall::End(const RequestLog& log) {
  Span span = MakeSpan(fmt::format("{}/{}", kServiceName, log.method), start_, start_ + log.total);
  span.id = id_;
  span.parent = origin_.parent;
  span.parent_remote = origin_.parent != SpanId{};
  span.kind = Span::Kind::kServer;
  DescribeCall(log, span);
  const MutexLock lock(mutex_);
  spans_.push_back(std::move(span));
  ended_ = true;
}

void TracedCall::Worked(Stage stage, TimePoint begin, TimePoint end) {
  (void)WithoutThrowing([&] {
    Add(MakeSpan(NameOf(stage), begin, end));
    return absl::OkStatus();
  });
}

void TracedCall::ProviderAsked(ProviderRequest request) {
  (void)WithoutThrowing([&] {
    Span span = MakeSpan(request.method, request.begin, request.end);
    DescribeRequest(std::move(request), span);
    Add(std::move(span));
    return absl::OkStatus();
  });
}

void TracedCall::Add(Span span) {
  const MutexLock lock(mutex_);
  if (spans_.size() + 1 < kMostSpans) {
    spans_.push_back(std::move(span));
  } else {
    ++left_out_;
  }
}

std::shared_ptr<TracedCall> CallTracer::Begin(const std::optional<TraceContext>& caller,
                                              const std::function<std::string()>& trace_state,
                                              TimePoint start) const {
  TracedCall::Origin origin;
  if (caller.has_value()) {
    if (!sampler_.Samples(*caller)) return nullptr;
    origin = {caller->trace_id, caller->span_id, trace_state()};
  } else {
    origin.trace_id = RandomTraceId();
    if (!sampler_.SamplesRoot(origin.trace_id)) return nullptr;
  }
  return std::make_shared<TracedCall>(std::move(origin), start, spans_);
}

std::shared_ptr<TracedCall> BeginTrace(const CallTracer* tracer,
                                       const std::optional<TraceContext>& caller,
                                       const std::function<std::string()>& trace_state,
                                       TimePoint start) {
  return tracer == nullptr ? nullptr : tracer->Begin(caller, trace_state, start);
}

}  // namespace rerankd
