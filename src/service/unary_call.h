// What every RPC has in common: parsing, refusing, answering once, cancelling, logging, draining.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "observability/tracing/trace_context.h"
#include "security/access_control.h"
#include "service/call_tracer.h"
#include "service/catalog.h"
#include "service/request_log.h"
#include "service/service_options.h"
#include "util/clock.h"
#include "util/mutex.h"

namespace rerankd {

// What all calls of a server share. A call keeps it alive: a Reranker may answer long after the
// server is gone. Safe for concurrent use.
class ServerState {
 public:
  // `catalog` must outlive the calls in progress; `logger` may be empty. No `access`: everybody may
  // call, without a key. No `tracer`: no call is traced.
  ServerState(const ServiceOptions& options, const Catalog& catalog, RequestLogger logger,
              std::shared_ptr<AccessControl> access, std::shared_ptr<const CallTracer> tracer)
      : options(options),
        catalog(catalog),
        logger(std::move(logger)),
        access(std::move(access)),
        tracer(std::move(tracer)) {}

  // From now on calls are refused with UNAVAILABLE; those in progress go on.
  void Refuse() { refusing_ = true; }
  bool refusing() const { return refusing_; }

  // Blocks until no call is in progress (its answer was written, or its caller has gone) or
  // `deadline` has passed. Returns whether none is.
  bool WaitUntilIdle(TimePoint deadline) RERANKD_EXCLUDES(mutex_);

  // A call begins, and ends. Enter() returns how many are in progress.
  size_t Enter() RERANKD_EXCLUDES(mutex_);
  void Leave() RERANKD_EXCLUDES(mutex_);
  size_t in_progress() const RERANKD_EXCLUDES(mutex_);

  // No two calls of this process get the same.
  std::string MakeRequestId();

  const ServiceOptions options;
  const Catalog& catalog;
  const RequestLogger logger;
  const std::shared_ptr<AccessControl> access;
  const std::shared_ptr<const CallTracer> tracer;

 private:
  std::atomic<uint64_t> next_id_{(uint64_t{std::random_device()()} << 32) | std::random_device()()};
  std::atomic<bool> refusing_{false};
  mutable Mutex mutex_;
  CondVar idle_;
  size_t in_progress_ RERANKD_GUARDED_BY(mutex_) = 0;
};

// One call, from its arrival until gRPC is done with it and whoever may still answer has let go.
// The handler's thread, the one that brings the result and gRPC's (cancellation) race to answer:
// the one whose Claim() succeeds does, and from then on owns log() and may use the context and the
// response.
class UnaryCall : public grpc::ServerUnaryReactor {
 public:
  UnaryCall(std::shared_ptr<ServerState> state, grpc::CallbackServerContext* context,
            grpc::ByteBuffer* response, std::string_view method);

  // Runs the call; it keeps itself alive until gRPC is done with it. No payload: the call ended
  // before its message was there.
  void Start(std::shared_ptr<UnaryCall> self, std::optional<std::string_view> payload);

 protected:
  // Does the work, or starts it. OK: it was or will be answered; else the call is answered so.
  virtual absl::Status Handle(std::string_view payload) = 0;

  // True for the first caller only, who must then Answer().
  bool Claim() { return !answered_.exchange(true); }

  // Traces the call, if it is one that is. Only for callers who may call: others could else fill
  // the collector. REQUIRES: within the constructor.
  void BeginTrace(const grpc::CallbackServerContext& context);

  // REQUIRES: Claim() returned true. `response` is sent when `status` is OK.
  void Answer(absl::Status status, const google::protobuf::Message* response);

  const ServerState& state() const { return *state_; }
  // REQUIRES: within Handle() or later, which no call without a right key gets to.
  const Caller& caller() const { return *caller_; }
  RequestLog& log() { return log_; }
  size_t in_progress() const { return in_progress_; }
  TimePoint start() const { return start_; }
  TimePoint deadline() const { return deadline_; }
  std::stop_token cancelled() const { return cancel_.get_token(); }
  // Null: the call is not traced.
  std::shared_ptr<CallTrace> trace() const { return trace_; }

 private:
  absl::Status Admit() const;
  absl::StatusOr<Caller> Identify(const grpc::CallbackServerContext& context) const;
  // Why a call that its caller no longer waits for ended.
  absl::Status Ended() const;
  void OnCancel() override;
  void OnDone() override;

  const std::shared_ptr<ServerState> state_;
  grpc::CallbackServerContext* const context_;
  grpc::ByteBuffer* const response_;
  const TimePoint start_;
  const TimePoint deadline_;
  absl::StatusOr<Caller> caller_;
  size_t in_progress_ = 0;
  std::shared_ptr<UnaryCall> self_;
  std::stop_source cancel_;
  std::atomic<bool> answered_{false};
  std::optional<TraceContext> caller_trace_;  // that the call came with
  std::shared_ptr<TracedCall> trace_;
  RequestLog log_;
};

// The body of a raw method: makes a OneCall, a UnaryCall, of the bytes and starts it.
template <typename OneCall>
grpc::ServerUnaryReactor* RunCall(const std::shared_ptr<ServerState>& state,
                                  std::string_view method, grpc::CallbackServerContext* context,
                                  const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
  std::shared_ptr<OneCall> call;
  try {
    call = std::make_shared<OneCall>(state, context, response, method);
  } catch (const std::exception&) {
    grpc::ServerUnaryReactor* refusal = context->DefaultReactor();
    refusal->Finish(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, ""));
    return refusal;
  }
  grpc::Slice slice;
  std::optional<std::string_view> payload;
  if (request->Valid() && request->DumpToSingleSlice(&slice).ok()) {
    payload.emplace(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  // gRPC would keep the bytes until the call ends; the object is its own and not const.
  const_cast<grpc::ByteBuffer*>(request)->Clear();
  OneCall* const reactor = call.get();
  reactor->Start(std::move(call), payload);
  return reactor;
}

}  // namespace rerankd
