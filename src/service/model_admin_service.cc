#include "service/model_admin_service.h"

#include <string_view>
#include <utility>

#include "core/errors.h"
#include "rerank/v1/model_admin.grpc.pb.h"
#include "service/conversions.h"
#include "service/request_parser.h"
#include "service/validation.h"
#include "util/no_throw.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

using Command = void (ManagedModel::*)(ManagedModel::Finished);

// The three RPCs differ in their messages and in what they ask of the model.
template <typename Request, typename Response, Command command>
class AdminCall : public UnaryCall,
                  public std::enable_shared_from_this<AdminCall<Request, Response, command>> {
 public:
  using UnaryCall::UnaryCall;

 private:
  absl::Status Handle(std::string_view payload) override {
    if (!state().options.admin) {
      return WithReason(absl::PermissionDeniedError(
                            "this server does not let clients load and unload its models; its "
                            "setting \"admin: true\" would"),
                        "ADMIN_DISABLED");
    }
    if (state().access != nullptr && !caller().admin) {
      return WithReason(
          absl::PermissionDeniedError("this API key is not one that may load and unload models"),
          "KEY_NOT_ADMIN");
    }
    Request request;
    RERANKD_RETURN_IF_ERROR(ParseRequest(payload, request));
    RERANKD_RETURN_IF_ERROR(ValidateName(request.name()));
    RERANKD_ASSIGN_OR_RETURN(model_, state().catalog.Find(request.name()));
    log().model = model_->name();
    (model_->*command)([call = this->shared_from_this()](absl::Status status) {
      call->OnFinished(std::move(status));
    });
    return absl::OkStatus();
  }

  void OnFinished(absl::Status status) {
    if (!Claim()) return;
    Response response;
    // This is the model's thread, which must go on.
    status.Update(WithoutThrowing([&] {
      if (status.ok()) {
        *response.mutable_model() =
            ToProto(model_->status(), model_ == state().catalog.models().front().get());
      }
      return absl::OkStatus();
    }));
    Answer(std::move(status), &response);
  }

  ManagedModel* model_ = nullptr;
};

using LoadCall =
    AdminCall<rerank::v1::LoadModelRequest, rerank::v1::LoadModelResponse, &ManagedModel::Load>;
using ReloadCall = AdminCall<rerank::v1::ReloadModelRequest, rerank::v1::ReloadModelResponse,
                             &ManagedModel::Reload>;
using UnloadCall = AdminCall<rerank::v1::UnloadModelRequest, rerank::v1::UnloadModelResponse,
                             &ManagedModel::Unload>;

using Base = rerank::v1::ModelAdminService::WithRawCallbackMethod_LoadModel<
    rerank::v1::ModelAdminService::WithRawCallbackMethod_ReloadModel<
        rerank::v1::ModelAdminService::WithRawCallbackMethod_UnloadModel<
            rerank::v1::ModelAdminService::Service>>>;

}  // namespace

class ModelAdminService::Impl final : public Base {
 public:
  explicit Impl(std::shared_ptr<ServerState> state) : state_(std::move(state)) {}

  grpc::ServerUnaryReactor* LoadModel(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override {
    return RunCall<LoadCall>(state_, "LoadModel", context, request, response);
  }
  grpc::ServerUnaryReactor* ReloadModel(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override {
    return RunCall<ReloadCall>(state_, "ReloadModel", context, request, response);
  }
  grpc::ServerUnaryReactor* UnloadModel(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override {
    return RunCall<UnloadCall>(state_, "UnloadModel", context, request, response);
  }

 private:
  const std::shared_ptr<ServerState> state_;
};

ModelAdminService::ModelAdminService(std::shared_ptr<ServerState> state)
    : impl_(std::make_unique<Impl>(std::move(state))) {}

ModelAdminService::~ModelAdminService() = default;

grpc::Service& ModelAdminService::service() { return *impl_; }

}  // namespace rerankd
