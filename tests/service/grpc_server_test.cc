#include "service/grpc_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "grpc/health/v1/health.grpc.pb.h"
#include "service/rpc.h"
#include "support/rerank_test_server.h"
#include "support/temp_dir.h"

namespace rerankd {
namespace {

using ::grpc::health::v1::Health;
using ::grpc::health::v1::HealthCheckRequest;
using ::grpc::health::v1::HealthCheckResponse;
using ::testing::HasSubstr;

constexpr std::chrono::seconds kLong{60};

HealthCheckRequest Part(const std::string& name) {
  HealthCheckRequest request;
  request.set_service(name);
  return request;
}

// SERVICE_UNKNOWN stands for NOT_FOUND.
HealthCheckResponse::ServingStatus HealthOf(const std::shared_ptr<grpc::Channel>& channel,
                                            const std::string& name) {
  grpc::ClientContext context;
  HealthCheckResponse response;
  const grpc::Status status = Health::NewStub(channel)->Check(&context, Part(name), &response);
  if (status.error_code() == grpc::StatusCode::NOT_FOUND) {
    return HealthCheckResponse::SERVICE_UNKNOWN;
  }
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.status();
}

grpc::Status Rerank(const std::shared_ptr<grpc::Channel>& channel) {
  return AsyncRerank(channel, MakeRequest("q", {"a"})).Wait();
}

// What server reflection answers to one request, as bytes.
std::string Reflect(const std::shared_ptr<grpc::Channel>& channel, const std::string& request) {
  struct Reactor : grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
    void OnReadDone(bool) override { StartWritesDone(); }
    void OnDone(const grpc::Status&) override { done.set_value(); }
    grpc::ByteBuffer answer;
    std::promise<void> done;
  };
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  Reactor reactor;
  stub.PrepareBidiStreamingCall(
      &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", {}, &reactor);
  const grpc::Slice slice(request);
  const grpc::ByteBuffer bytes(&slice, 1);
  reactor.StartWrite(&bytes);
  reactor.StartRead(&reactor.answer);
  reactor.StartCall();
  reactor.done.get_future().get();
  grpc::Slice answer;
  if (!reactor.answer.Valid()) return "";
  EXPECT_TRUE(reactor.answer.DumpToSingleSlice(&answer).ok());
  return {reinterpret_cast<const char*>(answer.begin()), answer.size()};
}

const std::string kListServices("\x3A\x00", 2);

TEST(GrpcServerTest, BindsAFreePortAndSaysWhich) {
  const RerankTestServer server;
  EXPECT_THAT(server.address(), testing::MatchesRegex("127\\.0\\.0\\.1:[1-9][0-9]*"));
  EXPECT_TRUE(Rerank(server.Channel()).ok());
}

TEST(GrpcServerTest, ServesAUnixSocket) {
  const TempDir folder;
  ServiceOptions options;
  // With each sign that a path may have: gRPC leaves them as they are.
  const std::filesystem::path socket = folder.path() / "aZ09._-~+=@:";
  options.listen = {"unix:" + socket.string()};
  RerankTestServer server(options);
  EXPECT_EQ(server.server().port(), 0);
  EXPECT_EQ(server.address(), options.listen[0]);
  EXPECT_TRUE(std::filesystem::is_socket(socket));
  EXPECT_TRUE(Rerank(server.Channel()).ok());
}

TEST(GrpcServerTest, ClosesAnOldConnectionAndTakesTheNext) {
  ServiceOptions options = RerankTestServer::FreePort();
  options.max_connection_age = std::chrono::milliseconds(200);
  const RerankTestServer server(options);
  const auto channel = server.Channel();
  EXPECT_TRUE(Rerank(channel).ok());
  EXPECT_TRUE(
      channel->WaitForStateChange(GRPC_CHANNEL_READY, std::chrono::system_clock::now() + kLong));
  EXPECT_TRUE(Rerank(channel).ok());
}

TEST(GrpcServerTest, ListensInSeveralPlaces) {
  const TempDir folder;
  const std::filesystem::path socket = folder.path() / "rerankd";
  ServiceOptions options;
  options.listen = {"unix:" + socket.string(), "127.0.0.1:0", "127.0.0.1:0"};
  RerankTestServer server(options);
  const std::vector<std::string>& addresses = server.server().addresses();
  ASSERT_EQ(addresses.size(), 3U);
  EXPECT_NE(addresses[1], addresses[2]);
  EXPECT_EQ(addresses[1], "127.0.0.1:" + std::to_string(server.server().port()));
  for (const std::string& address : addresses) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    EXPECT_TRUE(
        Rerank(grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments))
            .ok())
        << address;
  }
}

TEST(GrpcServerTest, AUnixSocketHasItsPermissionsAndGoesWithTheServer) {
  namespace fs = std::filesystem;
  const TempDir folder;
  const fs::path socket = folder.path() / "rerankd";
  ServiceOptions options;
  options.listen = {"unix:" + socket.string()};
  for (const unsigned mode : {0660U, 0600U, 0666U}) {
    options.unix_socket_mode = mode;
    const RerankTestServer server(options);
    EXPECT_EQ(fs::status(socket).permissions(), static_cast<fs::perms>(mode));
    EXPECT_TRUE(Rerank(server.Channel()).ok());
  }
  EXPECT_FALSE(fs::exists(fs::symlink_status(socket)));
}

TEST(GrpcServerTest, NoAddressIsAnError) {
  const Catalog catalog;
  ServiceOptions options;
  options.listen.clear();
  EXPECT_EQ(GrpcServer::Start(options, catalog, nullptr).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(GrpcServerTest, OfTwoAddressesThatTakeOnePortTheSecondIsNamed) {
  std::string first;
  {
    const RerankTestServer server;
    first = server.address();
  }
  ServiceOptions options;
  const std::string second = "0.0.0.0" + first.substr(first.rfind(':'));
  options.listen = {"127.0.0.1:0", first, second};
  const Catalog catalog;
  const auto server = GrpcServer::Start(options, catalog, nullptr);
  EXPECT_EQ(server.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(server.status().message()),
              testing::StartsWith("cannot listen on " + second + ": an address before it"));
}

TEST(GrpcServerTest, APortInUseIsAnErrorThatSaysSo) {
  const RerankTestServer first;
  ServiceOptions options;
  options.listen = {first.address()};
  const Catalog catalog;
  const auto second = GrpcServer::Start(options, catalog, nullptr);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(std::string(second.status().message()),
            "cannot listen on " + first.address() + ": Address already in use");
}

TEST(GrpcServerTest, APortCanBeTakenAgainAtOnce) {
  ServiceOptions options = RerankTestServer::FreePort();
  {
    const RerankTestServer first(options);
    EXPECT_TRUE(Rerank(first.Channel()).ok());
    options.listen = {first.address()};
  }
  const RerankTestServer second(options);
  EXPECT_TRUE(Rerank(second.Channel()).ok());
}

TEST(GrpcServerTest, RefusesImpossibleOptions) {
  const Catalog catalog;
  ServiceOptions options = RerankTestServer::FreePort();
  options.max_message_bytes = 0;
  EXPECT_THAT(std::string(GrpcServer::Start(options, catalog, nullptr).status().message()),
              HasSubstr("max_message_bytes"));
  options = RerankTestServer::FreePort();
  options.keepalive_interval = std::chrono::milliseconds(0);
  EXPECT_THAT(std::string(GrpcServer::Start(options, catalog, nullptr).status().message()),
              HasSubstr("keepalive_interval"));
  options.listen = {"50051"};
  EXPECT_FALSE(GrpcServer::Start(options, catalog, nullptr).ok());
}

TEST(GrpcServerTest, HealthKnowsTheServerTheServiceAndEveryModel) {
  RerankTestServer server;
  const auto channel = server.Channel();
  for (const char* name : {"", "rerank.v1.RerankService", "mini", "large"}) {
    EXPECT_EQ(HealthOf(channel, name), HealthCheckResponse::SERVING) << name;
  }
  EXPECT_EQ(HealthOf(channel, "medium"), HealthCheckResponse::SERVICE_UNKNOWN);
  server.server().BeginShutdown();
  for (const char* name : {"", "rerank.v1.RerankService", "mini", "large"}) {
    EXPECT_EQ(HealthOf(channel, name), HealthCheckResponse::NOT_SERVING) << name;
  }
}

TEST(GrpcServerTest, ReflectionDescribesWhatIsServed) {
  const RerankTestServer server;
  const auto channel = server.Channel();
  const std::string services = Reflect(channel, kListServices);
  EXPECT_THAT(services, HasSubstr("rerank.v1.RerankService"));
  EXPECT_THAT(services, HasSubstr("grpc.reflection.v1alpha.ServerReflection"));
  // file_containing_symbol
  for (const auto& [symbol, file] :
       {std::pair<std::string, std::string>("rerank.v1.RerankService", "rerank/v1/rerank.proto"),
        std::pair<std::string, std::string>("grpc.health.v1.Health", "grpc/health/v1/health.proto"),
        std::pair<std::string, std::string>("google.rpc.BadRequest",
                                            "google/rpc/error_details.proto")}) {
    const std::string request = "\x22" + std::string(1, static_cast<char>(symbol.size())) + symbol;
    // The file that defines the symbol.
    EXPECT_THAT(Reflect(channel, request), HasSubstr(file));
  }
}

TEST(GrpcServerTest, DrainingRefusesNewCallsAndFinishesRunningOnes) {
  RerankTestServer server;
  const auto channel = server.Channel();
  server.mini().HoldBack();
  AsyncRerank running(channel, MakeRequest("q", {"a"}));
  ASSERT_TRUE(server.mini().WaitForHeld(1));
  server.server().BeginShutdown();
  server.server().BeginShutdown();
  const grpc::Status refused = Rerank(channel);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(refused), "DRAINING");
  EXPECT_THAT(refused.error_message(), HasSubstr("draining"));
  bool clean = false;
  std::jthread stopper([&] { clean = server.server().Stop(kLong); });
  server.mini().Release();
  EXPECT_TRUE(running.Wait().ok()) << running.Wait().error_message();
  EXPECT_EQ(running.response().results_size(), 1);
  stopper.join();
  EXPECT_TRUE(clean);
  EXPECT_EQ(Rerank(channel).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST(GrpcServerTest, AfterTheGracePeriodCallsAreCancelled) {
  RerankTestServer server;
  server.mini().HoldBack();
  AsyncRerank first(server.Channel(), MakeRequest("q", {"a"}));
  AsyncRerank second(server.Channel(), MakeRequest("q", {"a"}));
  ASSERT_TRUE(server.mini().WaitForHeld(2));
  EXPECT_FALSE(server.server().Stop(std::chrono::milliseconds(1)));
  EXPECT_TRUE(server.mini().WaitForCancelled(2));
  EXPECT_FALSE(first.Wait().ok());
  EXPECT_FALSE(second.Wait().ok());
  server.mini().Release();
}

TEST(GrpcServerTest, AHealthWatcherDoesNotHoldUpTheStop) {
  RerankTestServer server;
  const auto stub = Health::NewStub(server.Channel());
  grpc::ClientContext context;
  const auto watch = stub->Watch(&context, Part("mini"));
  HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(server.server().Stop(kLong));
  EXPECT_LT(std::chrono::steady_clock::now() - before, kLong / 2);
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  while (watch->Read(&response)) {
  }
  EXPECT_FALSE(watch->Finish().ok());
}

TEST(GrpcServerTest, StopsOnlyOnce) {
  RerankTestServer server;
  EXPECT_TRUE(server.server().Stop(kLong));
  std::jthread again([&] { EXPECT_TRUE(server.server().Stop(kLong)); });
  EXPECT_TRUE(server.server().Stop(kLong));
}

}  // namespace
}  // namespace rerankd
