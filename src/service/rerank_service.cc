#include "service/rerank_service.h"

#include <fmt/format.h>
#include <google/protobuf/arena.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/errors.h"
#include "rerank/v1/rerank.grpc.pb.h"
#include "service/conversions.h"
#include "service/quota_charge.h"
#include "service/request_parser.h"
#include "service/validation.h"
#include "util/no_throw.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

// The key that a caller wants its call to a hosted provider to be sent with. Not a field of the
// request: messages are logged, stored and printed by others.
constexpr char kProviderKeyKey[] = "x-rerank-provider-key";

class RerankCall : public UnaryCall, public std::enable_shared_from_this<RerankCall> {
 public:
  RerankCall(std::shared_ptr<ServerState> state, grpc::CallbackServerContext* context,
             grpc::ByteBuffer* response, std::string_view method)
      : UnaryCall(std::move(state), context, response, method) {
    BeginTrace(*context);
    const auto& metadata = context->client_metadata();
    if (const auto it = metadata.find(kProviderKeyKey); it != metadata.end()) {
      provider_key_ = Secret(std::string(it->second.data(), it->second.size()));
    }
  }

 private:
  absl::Status Handle(std::string_view payload) override {
    const ServiceOptions& options = state().options;
    if (options.max_concurrent_requests != 0 && in_progress() > options.max_concurrent_requests) {
      return WithReason(RetryLater(fmt::format("{} calls are in progress, as many as this server "
                                               "takes; retry later",
                                               options.max_concurrent_requests),
                                   std::chrono::seconds(1)),
                        "TOO_MANY_CALLS");
    }
    // Else the server's own key would be used, and billed.
    if (provider_key_.has_value() && provider_key_->empty()) {
      return absl::InvalidArgumentError(
          "x-rerank-provider-key is empty; send the provider's key, or not this metadata");
    }
    RERANKD_RETURN_IF_ERROR(ParseRerankRequest(payload, options.max_documents, request_));
    documents_ = static_cast<size_t>(request_.documents_size());
    log().documents = documents_;
    RERANKD_RETURN_IF_ERROR(ValidateRerankRequest(request_));
    RERANKD_ASSIGN_OR_RETURN(ManagedModel* const model, state().catalog.Find(request_.model()));
    model_ = model->name();
    log().model = model_;
    RerankRequest request = TakeRequest(request_);
    if (provider_key_.has_value()) request.provider_key = *std::move(provider_key_);
    request.deadline = deadline();
    request.cancelled = cancelled();
    request.trace = trace();
    RERANKD_RETURN_IF_ERROR(charge_.Begin(caller(), request, *model, start()));
    model->Rerank(std::move(request),
                  [call = shared_from_this()](absl::StatusOr<RerankResult> result) {
                    call->OnResult(std::move(result));
                  });
    return absl::OkStatus();
  }

  void OnResult(absl::StatusOr<RerankResult> result) {
    charge_.End(result, std::chrono::steady_clock::now());
    if (!Claim()) return;
    google::protobuf::Arena arena;
    const rerank::v1::RerankResponse* response = nullptr;
    absl::Status status = WithoutThrowing([&] { return MakeResponse(result, arena, response); });
    Answer(std::move(status), response);
  }

  absl::Status MakeResponse(const absl::StatusOr<RerankResult>& result,
                            google::protobuf::Arena& arena,
                            const rerank::v1::RerankResponse*& response) {
    RERANKD_RETURN_IF_ERROR(result.status());
    auto* out = google::protobuf::Arena::CreateMessage<rerank::v1::RerankResponse>(&arena);
    RERANKD_RETURN_IF_ERROR(FillResponse(*result, model_, request_, documents_, *out));
    log().model = out->model();
    if (log().model != model_) log().asked_model = model_;
    log().results = result->documents.size();
    log().usage = result->usage;
    log().timings = result->timings;
    response = out;
    return absl::OkStatus();
  }

  std::optional<Secret> provider_key_;  // as the caller sent it
  rerank::v1::RerankRequest request_;
  size_t documents_ = 0;
  std::string model_;
  QuotaCharge charge_;
};

class ListModelsCall : public UnaryCall {
 public:
  using UnaryCall::UnaryCall;

 private:
  absl::Status Handle(std::string_view payload) override {
    rerank::v1::ListModelsRequest request;
    RERANKD_RETURN_IF_ERROR(ParseRequest(payload, request));
    rerank::v1::ListModelsResponse response;
    for (const auto& model : state().catalog.models()) {
      *response.add_models() = ToProto(model->status(), response.models().empty());
    }
    if (Claim()) Answer(absl::OkStatus(), &response);
    return absl::OkStatus();
  }
};

class GetModelCall : public UnaryCall {
 public:
  using UnaryCall::UnaryCall;

 private:
  absl::Status Handle(std::string_view payload) override {
    rerank::v1::GetModelRequest request;
    RERANKD_RETURN_IF_ERROR(ParseRequest(payload, request));
    RERANKD_ASSIGN_OR_RETURN(ManagedModel* const model, state().catalog.Find(request.name()));
    log().model = model->name();
    rerank::v1::GetModelResponse response;
    *response.mutable_model() =
        ToProto(model->status(), model == state().catalog.models().front().get());
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
  explicit Impl(std::shared_ptr<ServerState> state) : state_(std::move(state)) {}

  grpc::ServerUnaryReactor* Rerank(grpc::CallbackServerContext* context,
                                   const grpc::ByteBuffer* request,
                                   grpc::ByteBuffer* response) override {
    return RunCall<RerankCall>(state_, "Rerank", context, request, response);
  }
  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override {
    return RunCall<ListModelsCall>(state_, "ListModels", context, request, response);
  }
  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override {
    return RunCall<GetModelCall>(state_, "GetModel", context, request, response);
  }

 private:
  const std::shared_ptr<ServerState> state_;
};

RerankService::RerankService(std::shared_ptr<ServerState> state)
    : impl_(std::make_unique<Impl>(std::move(state))) {}

RerankService::~RerankService() = default;

grpc::Service& RerankService::service() { return *impl_; }

}  // namespace rerankd
