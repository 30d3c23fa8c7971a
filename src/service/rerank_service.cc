#include "service/rerank_service.h"

#include <fmt/format.h>
#include <google/protobuf/arena.h>
#include <grpc/support/time.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/proto_buffer_reader.h>
#include <grpcpp/support/proto_buffer_writer.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <exception>
#include <new>
#include <random>
#include <stop_token>
#include <string_view>
#include <utility>

#include "core/errors.h"
#include "rerank/v1/rerank.grpc.pb.h"
#include "service/conversions.h"
#include "service/request_parser.h"
#include "service/status_conversion.h"
#include "service/validation.h"
#include "util/mutex.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

constexpr char kRequestIdKey[] = "x-request-id";

// What all calls share. A call keeps it alive: a Reranker may answer long after the server is gone.
struct Shared {
  Shared(const ServiceOptions& options, const Catalog& catalog, RequestLogger logger)
      : options(options), catalog(catalog), logger(std::move(logger)) {}

  size_t Enter() {
    const MutexLock lock(mutex);
    return ++in_progress;
  }

  void Leave() {
    const MutexLock lock(mutex);
    if (--in_progress == 0) idle.NotifyAll();
  }

  std::string MakeRequestId() {
    // splitmix64: one-to-one, so that no two calls of this process get the same id.
    uint64_t z = next_id.fetch_add(0x9E3779B97F4A7C15U, std::memory_order_relaxed);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return fmt::format("{:016x}", z ^ (z >> 31));
  }

  const ServiceOptions options;
  const Catalog& catalog;
  const RequestLogger logger;
  std::atomic<uint64_t> next_id{(uint64_t{std::random_device()()} << 32) | std::random_device()()};
  std::atomic<bool> refusing{false};
  Mutex mutex;
  CondVar idle;
  size_t in_progress RERANKD_GUARDED_BY(mutex) = 0;
};

TimePoint SteadyDeadline(gpr_timespec deadline) {
  constexpr int64_t kFarSeconds = int64_t{100} * 365 * 24 * 3600;
  const gpr_timespec left = gpr_time_sub(deadline, gpr_now(deadline.clock_type));
  if (left.tv_sec > kFarSeconds) return kNoDeadline;
  return std::chrono::steady_clock::now() + std::chrono::seconds(left.tv_sec) +
         std::chrono::nanoseconds(left.tv_nsec);
}

// What `work` returns, or the status that stands for the exception it threw.
template <typename Work>
absl::Status WithoutExceptions(const Work& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory");
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  } catch (...) {
    return absl::InternalError("unknown exception");
  }
}

// One call, from its arrival until gRPC is done with it and whoever may still answer has let go.
// The handler's thread, the Reranker's and gRPC's (cancellation) race to answer: the one whose
// Claim() succeeds does, and from then on owns `log_` and may use `context_` and `response_`.
class Call : public grpc::ServerUnaryReactor {
 public:
  Call(std::shared_ptr<Shared> shared, grpc::CallbackServerContext* context,
       grpc::ByteBuffer* response, std::string_view method)
      : shared_(std::move(shared)),
        response_(response),
        start_(std::chrono::steady_clock::now()),
        deadline_(SteadyDeadline(context->raw_deadline())) {
    const auto& metadata = context->client_metadata();
    if (const auto it = metadata.find(kRequestIdKey); it != metadata.end()) {
      const std::string_view id(it->second.data(), it->second.size());
      if (IsUsableRequestId(id)) log_.id = id;
    }
    if (log_.id.empty()) log_.id = shared_->MakeRequestId();
    context->AddInitialMetadata(kRequestIdKey, log_.id);
    log_.method = method;
    if (shared_->logger) log_.peer = context->peer();
    in_progress_ = shared_->Enter();
  }

  // Runs the call; it keeps itself alive until OnDone().
  void Start(std::shared_ptr<Call> self, std::string_view payload) {
    self_ = std::move(self);
    absl::Status status = WithoutExceptions([&] {
      RERANKD_RETURN_IF_ERROR(Admit());
      return Handle(payload);
    });
    if (!status.ok() && Claim()) Answer(std::move(status), nullptr);
  }

 protected:
  // Does the work, or starts it. OK: it was or will be answered; else the call is answered so.
  virtual absl::Status Handle(std::string_view payload) = 0;

  // True for the first caller only, who must then Answer().
  bool Claim() { return !answered_.exchange(true); }

  // REQUIRES: Claim() returned true. `response` is sent when `status` is OK.
  void Answer(absl::Status status, const google::protobuf::Message* response) {
    // Sent as it is when there is no memory left even for an error.
    grpc::Status wire(grpc::StatusCode::RESOURCE_EXHAUSTED, "");
    (void)WithoutExceptions([&]() -> absl::Status {
      if (status.ok()) {
        bool own_buffer = false;
        wire = grpc::GenericSerialize<grpc::ProtoBufferWriter, google::protobuf::Message>(
            *response, response_, &own_buffer);
        if (!wire.ok()) status = absl::InternalError(wire.error_message());
      } else {
        wire = ToGrpcStatus(status);
      }
      if (shared_->logger) {
        log_.status = std::move(status);
        log_.total = std::chrono::steady_clock::now() - start_;
        shared_->logger(log_);
      }
      return absl::OkStatus();
    });
    Finish(std::move(wire));
  }

  const Shared& shared() const { return *shared_; }
  RequestLog& log() { return log_; }
  size_t in_progress() const { return in_progress_; }
  TimePoint deadline() const { return deadline_; }
  std::stop_token cancelled() const { return cancel_.get_token(); }

 private:
  absl::Status Admit() const {
    if (shared_->refusing) {
      return WithReason(
          absl::UnavailableError("this server is draining; send the call to another one"),
          "DRAINING");
    }
    if (deadline_ <= start_) return DeadlineExceeded();
    return absl::OkStatus();
  }

  static absl::Status DeadlineExceeded() {
    return absl::DeadlineExceededError("the call's deadline has passed");
  }

  // The caller went away, the deadline passed, or the server stops. Answering here, too, means
  // that no Reranker can hold up the end of a call.
  void OnCancel() override {
    cancel_.request_stop();
    if (!Claim()) return;
    Answer(deadline_ <= std::chrono::steady_clock::now()
               ? DeadlineExceeded()
               : absl::CancelledError("the call was cancelled"),
           nullptr);
  }

  void OnDone() override {
    const std::shared_ptr<Call> self = std::move(self_);
    shared_->Leave();
  }

  const std::shared_ptr<Shared> shared_;
  grpc::ByteBuffer* const response_;
  const TimePoint start_;
  const TimePoint deadline_;
  size_t in_progress_ = 0;
  std::shared_ptr<Call> self_;
  std::stop_source cancel_;
  std::atomic<bool> answered_{false};
  RequestLog log_;
};

class RerankCall : public Call, public std::enable_shared_from_this<RerankCall> {
 public:
  using Call::Call;

 private:
  absl::Status Handle(std::string_view payload) override {
    const ServiceOptions& options = shared().options;
    if (options.max_concurrent_requests != 0 && in_progress() > options.max_concurrent_requests) {
      return WithReason(RetryLater(fmt::format("{} calls are in progress, as many as this server "
                                               "takes; retry later",
                                               options.max_concurrent_requests),
                                   std::chrono::seconds(1)),
                        "TOO_MANY_CALLS");
    }
    RERANKD_RETURN_IF_ERROR(ParseRerankRequest(payload, options.max_documents, request_));
    documents_ = static_cast<size_t>(request_.documents_size());
    log().documents = documents_;
    RERANKD_RETURN_IF_ERROR(ValidateRerankRequest(request_));
    RERANKD_ASSIGN_OR_RETURN(entry_, shared().catalog.Find(request_.model()));
    log().model = entry_->info.name;
    RerankRequest request = TakeRequest(request_);
    if (documents_ == 0) {
      RerankResult nothing;
      nothing.score_kind = request.score_kind.value_or(entry_->info.default_score_kind);
      OnResult(std::move(nothing));
      return absl::OkStatus();
    }
    request.deadline = deadline();
    request.cancelled = cancelled();
    entry_->reranker->Rerank(std::move(request),
                             [call = shared_from_this()](absl::StatusOr<RerankResult> result) {
                               call->OnResult(std::move(result));
                             });
    return absl::OkStatus();
  }

  void OnResult(absl::StatusOr<RerankResult> result) {
    if (!Claim()) return;
    google::protobuf::Arena arena;
    const rerank::v1::RerankResponse* response = nullptr;
    absl::Status status = WithoutExceptions([&] { return MakeResponse(result, arena, response); });
    Answer(std::move(status), response);
  }

  absl::Status MakeResponse(const absl::StatusOr<RerankResult>& result,
                            google::protobuf::Arena& arena,
                            const rerank::v1::RerankResponse*& response) {
    RERANKD_RETURN_IF_ERROR(result.status());
    auto* out = google::protobuf::Arena::CreateMessage<rerank::v1::RerankResponse>(&arena);
    RERANKD_RETURN_IF_ERROR(FillResponse(*result, entry_->info, request_, documents_, *out));
    log().results = result->documents.size();
    log().usage = result->usage;
    log().timings = result->timings;
    response = out;
    return absl::OkStatus();
  }

  rerank::v1::RerankRequest request_;
  size_t documents_ = 0;
  const Catalog::Entry* entry_ = nullptr;
};

class ListModelsCall : public Call {
 public:
  using Call::Call;

 private:
  absl::Status Handle(std::string_view payload) override {
    rerank::v1::ListModelsRequest request;
    RERANKD_RETURN_IF_ERROR(ParseRequest(payload, request));
    rerank::v1::ListModelsResponse response;
    for (const Catalog::Entry& entry : shared().catalog.entries()) {
      *response.add_models() = ToProto(entry.info, response.models().empty());
    }
    if (Claim()) Answer(absl::OkStatus(), &response);
    return absl::OkStatus();
  }
};

class GetModelCall : public Call {
 public:
  using Call::Call;

 private:
  absl::Status Handle(std::string_view payload) override {
    rerank::v1::GetModelRequest request;
    RERANKD_RETURN_IF_ERROR(ParseRequest(payload, request));
    RERANKD_ASSIGN_OR_RETURN(const Catalog::Entry* entry, shared().catalog.Find(request.name()));
    log().model = entry->info.name;
    rerank::v1::GetModelResponse response;
    *response.mutable_model() = ToProto(entry->info, entry == &shared().catalog.entries().front());
    if (Claim()) Answer(absl::OkStatus(), &response);
    return absl::OkStatus();
  }
};

// Raw methods: we parse, so that invalid UTF-8 is an INVALID_ARGUMENT that names the field.
using Base = rerank::v1::RerankService::WithRawCallbackMethod_Rerank<
    rerank::v1::RerankService::WithRawCallbackMethod_ListModels<
        rerank::v1::RerankService::WithRawCallbackMethod_GetModel<
            rerank::v1::RerankService::Service>>>;

}  // namespace

class RerankService::Impl final : public Base {
 public:
  explicit Impl(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  grpc::ServerUnaryReactor* Rerank(grpc::CallbackServerContext* context,
                                   const grpc::ByteBuffer* request,
                                   grpc::ByteBuffer* response) override {
    return Run<RerankCall>("Rerank", context, request, response);
  }
  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override {
    return Run<ListModelsCall>("ListModels", context, request, response);
  }
  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override {
    return Run<GetModelCall>("GetModel", context, request, response);
  }

  Shared& shared() { return *shared_; }

 private:
  template <typename OneCall>
  grpc::ServerUnaryReactor* Run(std::string_view method, grpc::CallbackServerContext* context,
                                const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
    std::shared_ptr<OneCall> call;
    try {
      call = std::make_shared<OneCall>(shared_, context, response, method);
    } catch (const std::exception&) {
      grpc::ServerUnaryReactor* refusal = context->DefaultReactor();
      refusal->Finish(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, ""));
      return refusal;
    }
    grpc::Slice payload;
    if (request->Valid()) request->DumpToSingleSlice(&payload);
    // gRPC would keep the bytes until the call ends; the object is its own and not const.
    const_cast<grpc::ByteBuffer*>(request)->Clear();
    OneCall* const reactor = call.get();
    reactor->Start(std::move(call),
                   {reinterpret_cast<const char*>(payload.begin()), payload.size()});
    return reactor;
  }

  const std::shared_ptr<Shared> shared_;
};

RerankService::RerankService(const ServiceOptions& options, const Catalog& catalog,
                             RequestLogger logger)
    : impl_(std::make_unique<Impl>(std::make_shared<Shared>(options, catalog, std::move(logger)))) {
}

RerankService::~RerankService() = default;

grpc::Service& RerankService::service() { return *impl_; }

void RerankService::Refuse() { impl_->shared().refusing = true; }

bool RerankService::WaitUntilIdle(TimePoint deadline) {
  Shared& shared = impl_->shared();
  const MutexLock lock(shared.mutex);
  while (shared.in_progress != 0) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    shared.idle.WaitUntil(shared.mutex, deadline);
  }
  return true;
}

}  // namespace rerankd
