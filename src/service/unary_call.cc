#include "service/unary_call.h"

#include <fmt/format.h>
#include <grpc/support/time.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/proto_buffer_writer.h>

#include <chrono>
#include <iterator>

#include "core/errors.h"
#include "rerank/v1/rerank.grpc.pb.h"  // for grpc::GenericSerialize, whose own header has moved about
#include "service/status_conversion.h"
#include "service/validation.h"
#include "util/no_throw.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

constexpr char kRequestIdKey[] = "x-request-id";
constexpr char kTraceparentKey[] = "traceparent";
constexpr char kTracestateKey[] = "tracestate";

TimePoint SteadyDeadline(gpr_timespec deadline) {
  constexpr int64_t kFarSeconds = int64_t{100} * 365 * 24 * 3600;
  const gpr_timespec left = gpr_time_sub(deadline, gpr_now(deadline.clock_type));
  if (left.tv_sec > kFarSeconds) return kNoDeadline;
  return std::chrono::steady_clock::now() + std::chrono::seconds(left.tv_sec) +
         std::chrono::nanoseconds(left.tv_nsec);
}

// The first value of a key; empty: there is none.
std::string_view Metadata(const grpc::CallbackServerContext& context, const char* key) {
  const auto found = context.client_metadata().find(key);
  if (found == context.client_metadata().end()) return {};
  return {found->second.data(), found->second.size()};
}

// Two of them are as bad as a malformed one.
std::optional<TraceContext> TraceOf(const grpc::CallbackServerContext& context) {
  const auto [begin, end] = context.client_metadata().equal_range(kTraceparentKey);
  if (begin == end || std::next(begin) != end) return std::nullopt;
  return ParseTraceparent({begin->second.data(), begin->second.size()});
}

// May come in several pieces. Empty: there is none that could be passed on.
std::string TracestateOf(const grpc::CallbackServerContext& context) {
  const auto [begin, end] = context.client_metadata().equal_range(kTracestateKey);
  std::string joined;
  for (auto it = begin; it != end; ++it) {
    if (!joined.empty()) joined += ',';
    joined.append(it->second.data(), it->second.size());
  }
  return IsTracestate(joined) ? joined : "";
}

absl::Status DeadlineExceeded() {
  return absl::DeadlineExceededError("the call's deadline has passed");
}

}  // namespace

bool ServerState::WaitUntilIdle(TimePoint deadline) {
  const MutexLock lock(mutex_);
  while (in_progress_ != 0) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    idle_.WaitUntil(mutex_, deadline);
  }
  return true;
}

size_t ServerState::Enter() {
  const MutexLock lock(mutex_);
  return ++in_progress_;
}

void ServerState::Leave() {
  const MutexLock lock(mutex_);
  if (--in_progress_ == 0) idle_.NotifyAll();
}

size_t ServerState::in_progress() const {
  const MutexLock lock(mutex_);
  return in_progress_;
}

std::string ServerState::MakeRequestId() {
  // splitmix64: one-to-one.
  uint64_t z = next_id_.fetch_add(0x9E3779B97F4A7C15U, std::memory_order_relaxed);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return fmt::format("{:016x}", z ^ (z >> 31));
}

UnaryCall::UnaryCall(std::shared_ptr<ServerState> state, grpc::CallbackServerContext* context,
                     grpc::ByteBuffer* response, std::string_view method)
    : state_(std::move(state)),
      context_(context),
      response_(response),
      start_(std::chrono::steady_clock::now()),
      deadline_(SteadyDeadline(context->raw_deadline())) {
  const std::string_view id = Metadata(*context, kRequestIdKey);
  if (IsUsableRequestId(id)) log_.id = id;
  if (log_.id.empty()) log_.id = state_->MakeRequestId();
  log_.method = method;
  if (state_->logger) log_.peer = context->peer();
  caller_ = Identify(*context);
  if (caller_.ok()) log_.tenant = caller_->tenant;
  caller_trace_ = TraceOf(*context);
  if (caller_trace_.has_value()) log_.trace_id = caller_trace_->trace_id;
  in_progress_ = state_->Enter();
}

absl::StatusOr<Caller> UnaryCall::Identify(const grpc::CallbackServerContext& context) const {
  if (state_->access == nullptr) return Caller();
  return state_->access->Identify(
      KeyInMetadata(Metadata(context, "authorization"), Metadata(context, "x-api-key")), start_);
}

void UnaryCall::BeginTrace(const grpc::CallbackServerContext& context) {
  if (!caller_.ok()) return;
  trace_ = rerankd::BeginTrace(
      state_->tracer.get(), caller_trace_, [&context] { return TracestateOf(context); }, start_);
  if (trace_ != nullptr) log_.trace_id = trace_->trace_id();
}

void UnaryCall::Start(std::shared_ptr<UnaryCall> self, std::optional<std::string_view> payload) {
  self_ = std::move(self);
  absl::Status status = WithoutThrowing([&] {
    RERANKD_RETURN_IF_ERROR(Admit());
    return payload.has_value() ? Handle(*payload) : Ended();
  });
  if (!status.ok() && Claim()) Answer(std::move(status), nullptr);
}

void UnaryCall::Answer(absl::Status status, const google::protobuf::Message* response) {
  // Sent as it is when there is no memory left even for an error.
  grpc::Status wire(grpc::StatusCode::RESOURCE_EXHAUSTED, "");
  (void)WithoutThrowing([&]() -> absl::Status {
    if (status.ok()) {
      bool own_buffer = false;
      wire = grpc::GenericSerialize<grpc::ProtoBufferWriter, google::protobuf::Message>(
          *response, response_, &own_buffer);
      if (!wire.ok()) status = absl::InternalError(wire.error_message());
    } else {
      wire = ToGrpcStatus(status);
    }
    // An error without initial metadata is one frame of headers, which retry policies of gRPC and
    // of proxies may send again; after initial metadata of its own they may not.
    if (wire.ok()) {
      context_->AddInitialMetadata(kRequestIdKey, log_.id);
    } else {
      context_->AddTrailingMetadata(kRequestIdKey, log_.id);
    }
    if (state_->logger || trace_ != nullptr) {
      log_.status = std::move(status);
      log_.total = std::chrono::steady_clock::now() - start_;
      if (trace_ != nullptr) trace_->End(log_);
      if (state_->logger) state_->logger(log_);
    }
    return absl::OkStatus();
  });
  Finish(std::move(wire));
}

absl::Status UnaryCall::Admit() const {
  if (state_->refusing()) {
    return WithReason(
        absl::UnavailableError("this server is draining; send the call to another one"),
        "DRAINING");
  }
  RERANKD_RETURN_IF_ERROR(caller_.status());
  if (deadline_ <= start_) return DeadlineExceeded();
  return absl::OkStatus();
}

absl::Status UnaryCall::Ended() const {
  return deadline_ <= std::chrono::steady_clock::now()
             ? DeadlineExceeded()
             : absl::CancelledError("the call was cancelled");
}

// The caller went away, the deadline passed, or the server stops. Answering here, too, means that
// no Reranker can hold up the end of a call.
void UnaryCall::OnCancel() {
  cancel_.request_stop();
  if (Claim()) Answer(Ended(), nullptr);
}

void UnaryCall::OnDone() {
  const std::shared_ptr<UnaryCall> self = std::move(self_);
  state_->Leave();
}

}  // namespace rerankd
