#include "lifecycle/waiting_calls.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "core/errors.h"

namespace rerankd {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): for 1s

const TimePoint kNow{1h};

WaitingCalls::Call Call(size_t documents, TimePoint deadline = kNoDeadline,
                        std::stop_token cancelled = {}) {
  RerankRequest request;
  request.query = "of " + std::to_string(documents);
  request.documents.resize(documents);
  request.deadline = deadline;
  request.cancelled = std::move(cancelled);
  return {std::move(request), [](const absl::StatusOr<RerankResult>&) {}, nullptr};
}

absl::Status Add(WaitingCalls& calls, WaitingCalls::Call call) { return calls.Add(call); }

TEST(WaitingCallsTest, KeepsTheOrderOfArrival) {
  WaitingCalls calls(100);
  for (const size_t documents : {3, 1, 2}) ASSERT_TRUE(Add(calls, Call(documents)).ok());
  const std::vector<WaitingCalls::Call> all = calls.TakeAll();
  ASSERT_EQ(all.size(), 3);
  EXPECT_EQ(all[0].request.query, "of 3");
  EXPECT_EQ(all[1].request.query, "of 1");
  EXPECT_EQ(all[2].request.query, "of 2");
  EXPECT_TRUE(calls.empty());
}

TEST(WaitingCallsTest, RefusesWhatDoesNotFitAndLeavesItToTheCaller) {
  WaitingCalls calls(10);
  ASSERT_TRUE(Add(calls, Call(7)).ok());
  WaitingCalls::Call large = Call(4);
  const absl::Status status = calls.Add(large);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(status), "QUEUE_FULL");
  EXPECT_TRUE(RetryAfterOf(status).has_value());
  EXPECT_EQ(large.request.documents.size(), 4);
  EXPECT_TRUE(Add(calls, Call(3)).ok());
  EXPECT_FALSE(Add(calls, Call(0)).ok()) << "without documents it counts as one";
  calls.TakeAll();
  EXPECT_TRUE(Add(calls, Call(10)).ok()) << "there is room again";
  EXPECT_FALSE(Add(calls, Call(1)).ok());
}

TEST(WaitingCallsTest, NobodyWaitsPastTheDeadline) {
  WaitingCalls calls(10);
  EXPECT_EQ(calls.NextDeadline(), kNoDeadline);
  ASSERT_TRUE(Add(calls, Call(1)).ok());
  ASSERT_TRUE(Add(calls, Call(2, kNow + 2s)).ok());
  ASSERT_TRUE(Add(calls, Call(3, kNow + 1s)).ok());
  EXPECT_EQ(calls.NextDeadline(), kNow + 1s);
  EXPECT_TRUE(calls.TakeGone(kNow).empty());
  std::vector<WaitingCalls::Gone> gone = calls.TakeGone(kNow + 1s);
  ASSERT_EQ(gone.size(), 1);
  EXPECT_EQ(gone[0].call.request.query, "of 3");
  EXPECT_EQ(gone[0].status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(calls.NextDeadline(), kNow + 2s);
  EXPECT_TRUE(Add(calls, Call(7)).ok()) << "its room is free";
}

TEST(WaitingCallsTest, NobodyWaitsForACallerWhoIsGone) {
  WaitingCalls calls(10);
  std::stop_source caller;
  ASSERT_TRUE(Add(calls, Call(1, kNoDeadline, caller.get_token())).ok());
  ASSERT_TRUE(Add(calls, Call(2)).ok());
  EXPECT_TRUE(calls.TakeGone(kNow).empty());
  caller.request_stop();
  const std::vector<WaitingCalls::Gone> gone = calls.TakeGone(kNow);
  ASSERT_EQ(gone.size(), 1);
  EXPECT_EQ(gone[0].status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(calls.TakeAll().size(), 1);
}

}  // namespace
}  // namespace rerankd
