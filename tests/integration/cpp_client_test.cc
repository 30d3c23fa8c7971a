// The C++ client library against the real program: what is left of a call whose caller gave it up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "integration/fixtures.h"
#include "rerankd/client.h"
#include "support/temp_dir.h"

namespace rerankd::client {
namespace {

using std::chrono::milliseconds;

constexpr size_t kLong = 2000;  // documents: minutes of work

// A server that takes one call at a time and says in its log what it accepted.
class CppClientTest : public testing::Test {
 protected:
  static std::vector<std::string> Documents(size_t count) {
    const auto request = LongWork(count);
    return {request.documents().begin(), request.documents().end()};
  }

  TempDir folder_;
  ServerProcess server_{{"--log-level", "debug", "--max-concurrent-requests", "1", "--listen",
                         "unix:" + (folder_.path() / "rerankd").string()}};
  std::string target_ = server_.Address();
};

TEST_F(CppClientTest, ACallThatIsCancelledMakesRoomForOneThatWasPutOff) {
  Client client({.target = target_});
  std::stop_source stop;
  absl::StatusOr<RerankAnswer> cancelled;
  std::jthread caller([&] {
    cancelled = client.Rerank("Which one is it?", Documents(kLong), {.cancel = stop.get_token()});
  });
  ASSERT_TRUE(HasAccepted(server_, kLong));
  absl::StatusOr<RerankAnswer> patient;
  std::jthread second([&] { patient = client.Rerank("q", {"a", "b"}); });
  ASSERT_TRUE(server_.WaitForOutput("status=RESOURCE_EXHAUSTED"));
  stop.request_stop();
  second.join();
  caller.join();
  EXPECT_EQ(cancelled.status().code(), absl::StatusCode::kCancelled);
  ASSERT_TRUE(patient.ok()) << patient.status();
  EXPECT_EQ(patient->results.size(), 2U);
  EXPECT_TRUE(server_.WaitForOutput("status=CANCELLED"));
  server_.Signal(SIGTERM);
  EXPECT_EQ(server_.Wait(), 0) << "1 would mean that something still ran after the grace period";
}

TEST_F(CppClientTest, ACallThatIsOutOfTimeLeavesNothingRunning) {
  // Not std::regex, in which g++ 12 takes fault with the sanitizers on.
  const auto server_says = [this](const std::string& pattern) {
    return testing::Matches(testing::ContainsRegex(pattern))(server_.out());
  };
  // One that the server has heard of, however slow the machine is.
  for (milliseconds deadline(500); !server_says("accepted: [^\n]*documents=2000\n");
       deadline *= 2) {
    Client impatient({.target = target_, .deadline = deadline});
    const auto late = impatient.Rerank("Which one is it?", Documents(kLong));
    EXPECT_EQ(late.status().code(), absl::StatusCode::kDeadlineExceeded);
  }
  // The client ends its call at the deadline too: whichever the server sees first.
  ASSERT_TRUE(server_.WaitForOutput("request: "));
  EXPECT_TRUE(
      server_says("request: [^\n]*status=(DEADLINE_EXCEEDED|CANCELLED) [^\n]*documents=2000 "))
      << server_.out();
  EXPECT_TRUE(Client({.target = target_}).Rerank("q", {"a"}).ok());
  server_.Signal(SIGTERM);
  EXPECT_EQ(server_.Wait(), 0);
}

}  // namespace
}  // namespace rerankd::client
