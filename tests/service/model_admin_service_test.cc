// Loading and unloading through real gRPC.
#include "service/model_admin_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "grpc/health/v1/health.grpc.pb.h"
#include "rerank/v1/model_admin.grpc.pb.h"
#include "service/rpc.h"
#include "support/rerank_test_server.h"

namespace rerankd {
namespace {

using ::grpc::health::v1::HealthCheckResponse;
using ::testing::HasSubstr;

ServiceOptions WithAdmin() {
  ServiceOptions options = RerankTestServer::FreePort();
  options.admin = true;
  return options;
}

class ModelAdminServiceTest : public testing::Test {
 protected:
  explicit ModelAdminServiceTest(const ServiceOptions& options = WithAdmin()) : server_(options) {}

  grpc::Status Load(const std::string& name) { return Ask<rerank::v1::LoadModelRequest>(name); }
  grpc::Status Reload(const std::string& name) { return Ask<rerank::v1::ReloadModelRequest>(name); }
  grpc::Status Unload(const std::string& name) { return Ask<rerank::v1::UnloadModelRequest>(name); }

  grpc::Status Rerank(const std::string& model = "") {
    rerank::v1::RerankRequest request = MakeRequest("q", {"a"});
    request.set_model(model);
    return AsyncRerank(channel_, request).Wait();
  }

  HealthCheckResponse::ServingStatus Health(const std::string& part) {
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(part);
    HealthCheckResponse response;
    EXPECT_TRUE(
        grpc::health::v1::Health::NewStub(channel_)->Check(&context, request, &response).ok());
    return response.status();
  }

  RerankTestServer server_;
  std::shared_ptr<grpc::Channel> channel_ = server_.Channel();
  rerank::v1::Model model_;  // of the last answer

 private:
  template <typename Request>
  grpc::Status Ask(const std::string& name) {
    const auto stub = rerank::v1::ModelAdminService::NewStub(channel_);
    grpc::ClientContext context;
    Request request;
    request.set_name(name);
    const auto call = [&](auto method, auto response) {
      grpc::Status status = (stub.get()->*method)(&context, request, &response);
      model_ = response.model();
      return status;
    };
    using Stub = rerank::v1::ModelAdminService::Stub;
    if constexpr (std::is_same_v<Request, rerank::v1::LoadModelRequest>) {
      return call(&Stub::LoadModel, rerank::v1::LoadModelResponse());
    } else if constexpr (std::is_same_v<Request, rerank::v1::ReloadModelRequest>) {
      return call(&Stub::ReloadModel, rerank::v1::ReloadModelResponse());
    } else {
      return call(&Stub::UnloadModel, rerank::v1::UnloadModelResponse());
    }
  }
};

class AdminOffTest : public ModelAdminServiceTest {
 protected:
  AdminOffTest() : ModelAdminServiceTest(RerankTestServer::FreePort()) {}
};

TEST_F(AdminOffTest, SaysWhichSettingWouldAllowIt) {
  for (const grpc::Status& status : {Load("mini"), Reload("mini"), Unload("mini")}) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
    EXPECT_EQ(ReasonOf(status), "ADMIN_DISABLED");
    EXPECT_THAT(status.error_message(), HasSubstr("admin: true"));
  }
  EXPECT_TRUE(Rerank("mini").ok());
}

TEST_F(ModelAdminServiceTest, UnloadsAndLoads) {
  const grpc::Status unload = Unload("large");
  ASSERT_TRUE(unload.ok()) << unload.error_message();
  EXPECT_EQ(model_.name(), "large");
  EXPECT_EQ(model_.state(), rerank::v1::MODEL_STATE_NOT_LOADED);
  EXPECT_FALSE(model_.is_default());
  const grpc::Status refused = Rerank("large");
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(refused), "MODEL_NOT_LOADED");
  EXPECT_TRUE(Rerank("mini").ok());
  ASSERT_TRUE(Load("large").ok());
  EXPECT_EQ(model_.state(), rerank::v1::MODEL_STATE_READY);
  EXPECT_TRUE(Rerank("large").ok());
  EXPECT_EQ(server_.logs().at(0).method, "UnloadModel");
  EXPECT_EQ(server_.logs().at(0).model, "large");
}

TEST_F(ModelAdminServiceTest, TakesAnAlias) {
  ASSERT_TRUE(Reload("small").ok());
  EXPECT_EQ(model_.name(), "mini");
  EXPECT_TRUE(model_.is_default());
}

TEST_F(ModelAdminServiceTest, NamesAreRequiredAndKnown) {
  EXPECT_EQ(FieldOf(Unload("")), "name");
  const grpc::Status status = Unload("medium");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(status), "UNKNOWN_MODEL");
}

TEST_F(ModelAdminServiceTest, AFailedReloadSaysWhyAndTheOldModelServes) {
  server_.FailLoads(absl::FailedPreconditionError("config.json: no such file"));
  const grpc::Status status = Reload("mini");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_message(),
            "model \"mini\" could not be loaded: config.json: no such file");
  EXPECT_EQ(ReasonOf(status), "MODEL_FAILED");
  EXPECT_TRUE(Rerank("mini").ok());
  EXPECT_EQ(Health("mini"), HealthCheckResponse::SERVING);
}

TEST_F(ModelAdminServiceTest, HealthFollowsTheModels) {
  ASSERT_TRUE(Unload("mini").ok());
  EXPECT_EQ(Health("mini"), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(Health("small"), HealthCheckResponse::NOT_SERVING) << "the alias, too";
  EXPECT_EQ(Health("large"), HealthCheckResponse::SERVING);
  EXPECT_EQ(Health(""), HealthCheckResponse::SERVING) << "one of them can serve";
  EXPECT_EQ(Rerank().error_code(), grpc::StatusCode::FAILED_PRECONDITION)
      << "the default model is never another one in silence";
  ASSERT_TRUE(Unload("large").ok());
  EXPECT_EQ(Health(""), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(Health("rerank.v1.RerankService"), HealthCheckResponse::NOT_SERVING);
  server_.FailLoads(absl::FailedPreconditionError("broken"));
  EXPECT_FALSE(Load("mini").ok());
  EXPECT_EQ(Health("mini"), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(ReasonOf(Rerank("mini")), "MODEL_FAILED");
  server_.FailLoads(absl::OkStatus());
  ASSERT_TRUE(Load("mini").ok());
  EXPECT_EQ(Health("mini"), HealthCheckResponse::SERVING);
  EXPECT_EQ(Health(""), HealthCheckResponse::SERVING);
}

TEST_F(ModelAdminServiceTest, UnloadingWaitsForTheCallsThatWereTaken) {
  server_.mini().HoldBack();
  AsyncRerank running(channel_, MakeRequest("q", {"a"}));
  ASSERT_TRUE(server_.mini().WaitForHeld(1));
  const auto stub = rerank::v1::ModelAdminService::NewStub(channel_);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
  rerank::v1::UnloadModelRequest request;
  request.set_name("mini");
  rerank::v1::UnloadModelResponse response;
  EXPECT_EQ(stub->UnloadModel(&context, request, &response).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  server_.mini().Release();
  EXPECT_TRUE(running.Wait().ok());
  EXPECT_TRUE(Unload("mini").ok()) << "it went on without its caller";
}

TEST_F(ModelAdminServiceTest, DrainingRefusesIt) {
  server_.server().BeginShutdown();
  EXPECT_EQ(Unload("mini").error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Health("mini"), HealthCheckResponse::NOT_SERVING);
}

}  // namespace
}  // namespace rerankd
