// SIGTERM: what runs is finished, what is new is refused, and the program is gone in time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

#include "integration/fixtures.h"
#include "support/silent_listener.h"
#include "support/temp_dir.h"

namespace rerankd {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

constexpr size_t kSeconds = 24;    // documents that take a second or more
constexpr size_t kMinutes = 2000;  // documents that take minutes

TEST(ShutdownTest, RunningCallsFinishAndNewOnesAreRefused) {
  ServerProcess server({"--log-level", "debug", "--grace-period", "1h"});
  const auto channel = Dial(server.Address());
  AsyncRerank first(channel, LongWork(kSeconds));
  AsyncRerank second(Dial(server.Address()), LongWork(kSeconds + 1));
  ASSERT_TRUE(HasAccepted(server, kSeconds));
  ASSERT_TRUE(HasAccepted(server, kSeconds + 1));
  server.Signal(SIGTERM);
  ASSERT_TRUE(server.WaitForOutput("draining: "));
  EXPECT_EQ(Health(channel), "NOT_SERVING");
  AsyncRerank late(channel, MakeRequest("q", {"a"}));
  EXPECT_EQ(late.Wait().error_code(), grpc::StatusCode::UNAVAILABLE);
  for (AsyncRerank* call : {&first, &second}) {
    EXPECT_TRUE(call->Wait().ok()) << call->Wait().error_message();
    EXPECT_GE(call->response().results_size(), static_cast<int>(kSeconds));
  }
  EXPECT_EQ(server.Wait(), 0);
  EXPECT_THAT(server.out(), HasSubstr(" stopped\n"));
  EXPECT_EQ(server.err(), "");
}

TEST(ShutdownTest, AfterTheGracePeriodCallsAreCancelled) {
  ServerProcess server({"--log-level", "debug", "--grace-period", "200ms"});
  AsyncRerank call(Dial(server.Address()), LongWork(kMinutes));
  ASSERT_TRUE(HasAccepted(server, kMinutes));
  server.Signal(SIGINT);
  EXPECT_EQ(server.Wait(), 1);
  EXPECT_FALSE(call.Wait().ok());
  EXPECT_THAT(server.out(), HasSubstr("cancelled at the end of the grace period"));
}

TEST(ShutdownTest, ASecondSignalEndsItAtOnce) {
  ServerProcess server({"--log-level", "debug", "--grace-period", "1h"});
  AsyncRerank call(Dial(server.Address()), LongWork(kMinutes));
  ASSERT_TRUE(HasAccepted(server, kMinutes));
  server.Signal(SIGTERM);
  ASSERT_TRUE(server.WaitForOutput("draining"));
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 128 + SIGTERM);
  EXPECT_EQ(call.Wait().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST(ShutdownTest, AnIdleServerStopsAtOnce) {
  ServerProcess server({"--model-path", TestModel("tiny-cross-encoder"), "--grace-period", "1h"});
  const auto channel = Dial(server.Address());
  EXPECT_EQ(Health(channel), "SERVING");
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
}

// Whatever the server is at: ended by the signal before it serves, or in good order once it does.
TEST(ShutdownTest, ASignalEndsAStartAtEveryStage) {
  for (const char* stage : {"", "starting: ", "loading model: ", "model loaded: ", "serving: "}) {
    for (int i = 0; i < 3; ++i) {
      ServerProcess server({"--model-path", TestModel("tiny-cross-encoder")});
      if (*stage != 0) {
        ASSERT_TRUE(server.WaitForOutput(stage));
      }
      server.Signal(SIGTERM);
      const bool serves = std::string_view(stage) == "serving: ";
      EXPECT_THAT(server.Wait(), AnyOf(serves ? 0 : 128 + SIGTERM, 0)) << stage;
      EXPECT_EQ(server.err(), "") << stage;
    }
  }
}

// Nothing has to come to an end first: here the hub never answers.
TEST(ShutdownTest, ASignalWhileAModelIsBeingDownloadedEndsTheStart) {
  const SilentListener hub;
  const TempDir cache;
  ServerProcess server({"--model", "nobody/nothing", "--hub-endpoint", hub.Url("http"),
                        "--hub-cache-dir", cache.path().string()},
                       {"no_proxy=*"});
  ASSERT_TRUE(server.WaitForOutput("loading model: "));
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 128 + SIGTERM);
  EXPECT_EQ(server.err(), "");
}

// The default model takes long enough to load for the signal to come meanwhile.
TEST(ShutdownTest, ASignalWhileAModelIsBeingLoadedEndsTheStart) {
  ServerProcess server({});
  ASSERT_TRUE(server.WaitForOutput("loading model: "));
  server.Signal(SIGTERM);
  EXPECT_THAT(server.Wait(), AnyOf(128 + SIGTERM, 0));
  EXPECT_EQ(server.err(), "");
}

}  // namespace
}  // namespace rerankd
