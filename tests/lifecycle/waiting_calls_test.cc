#include "lifecycle/waiting_calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/errors.h"

namespace rerankd {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace): for 1s
using testing::ElementsAre;

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

absl::Status Add(WaitingCalls& calls, WaitingCalls::Call call) {
  return calls.Add(calls.NextTicket(), call);
}

std::vector<std::string> Queries(const WaitingCalls::Calls& calls) {
  std::vector<std::string> queries;
  for (const auto& [ticket, call] : calls) queries.push_back(call.request.query);
  return queries;
}

// What each of the calls that are gone at `now` is told.
std::vector<absl::StatusCode> Told(const WaitingCalls::Calls& gone, TimePoint now) {
  std::vector<absl::StatusCode> codes;
  for (const auto& [ticket, call] : gone) codes.push_back(WaitingCalls::WhyGone(call, now).code());
  return codes;
}

TEST(WaitingCallsTest, KeepsTheOrderOfArrival) {
  WaitingCalls calls(100);
  for (const size_t documents : {3, 1, 2}) ASSERT_TRUE(Add(calls, Call(documents)).ok());
  EXPECT_THAT(Queries(calls.TakeAll()), ElementsAre("of 3", "of 1", "of 2"));
  EXPECT_TRUE(calls.empty());
}

TEST(WaitingCallsTest, RefusesWhatDoesNotFitAndLeavesItToTheCaller) {
  WaitingCalls calls(10);
  ASSERT_TRUE(Add(calls, Call(7)).ok());
  WaitingCalls::Call large = Call(4);
  const absl::Status status = calls.Add(calls.NextTicket(), large);
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
  EXPECT_EQ(calls.NextGone(), kNoDeadline);
  ASSERT_TRUE(Add(calls, Call(1)).ok());
  ASSERT_TRUE(Add(calls, Call(2, kNow + 2s)).ok());
  ASSERT_TRUE(Add(calls, Call(3, kNow + 1s)).ok());
  EXPECT_EQ(calls.NextGone(), kNow + 1s);
  EXPECT_TRUE(calls.TakeGone(kNow).empty());
  const WaitingCalls::Calls gone = calls.TakeGone(kNow + 1s);
  EXPECT_THAT(Queries(gone), ElementsAre("of 3"));
  EXPECT_THAT(Told(gone, kNow + 1s), ElementsAre(absl::StatusCode::kDeadlineExceeded));
  EXPECT_EQ(calls.NextGone(), kNow + 2s);
  EXPECT_TRUE(Add(calls, Call(7)).ok()) << "its room is free";
}

TEST(WaitingCallsTest, NobodyWaitsForACallerWhoIsGone) {
  WaitingCalls calls(10);
  const WaitingCalls::Ticket ticket = calls.NextTicket();
  std::stop_source caller;
  WaitingCalls::Call call = Call(7, kNow + 1s, caller.get_token());
  calls.Cancel(ticket);  // it is not there yet
  ASSERT_TRUE(calls.Add(ticket, call).ok());
  ASSERT_TRUE(Add(calls, Call(2)).ok());
  EXPECT_TRUE(calls.TakeGone(kNow).empty());
  calls.Cancel(ticket);
  EXPECT_LE(calls.NextGone(), kNow) << "there is something to do at once";
  const WaitingCalls::Calls gone = calls.TakeGone(kNow);
  EXPECT_THAT(Queries(gone), ElementsAre("of 7"));
  EXPECT_THAT(Told(gone, kNow), ElementsAre(absl::StatusCode::kCancelled));
  calls.Cancel(ticket);  // it is not there any more
  EXPECT_EQ(calls.NextGone(), kNoDeadline) << "its deadline is forgotten";
  EXPECT_TRUE(Add(calls, Call(8)).ok()) << "its room is free";
  EXPECT_THAT(Queries(calls.TakeAll()), ElementsAre("of 2", "of 8"));
}

TEST(WaitingCallsTest, ACallerWhoIsGoneBeforeTheCallComesIsNotWaitedFor) {
  WaitingCalls calls(10);
  std::stop_source caller;
  caller.request_stop();
  ASSERT_TRUE(Add(calls, Call(1, kNoDeadline, caller.get_token())).ok());
  EXPECT_FALSE(calls.empty());
  EXPECT_THAT(Told(calls.TakeGone(kNow), kNow), ElementsAre(absl::StatusCode::kCancelled));
  EXPECT_TRUE(calls.empty());
}

TEST(WaitingCallsTest, WhatIsGoneAtTheSameTimeGoesInTheOrderOfArrival) {
  WaitingCalls calls(100);
  ASSERT_TRUE(Add(calls, Call(1, kNow)).ok());
  const WaitingCalls::Ticket cancelled = calls.NextTicket();
  WaitingCalls::Call second = Call(2);
  ASSERT_TRUE(calls.Add(cancelled, second).ok());
  ASSERT_TRUE(Add(calls, Call(3, kNow - 1s)).ok());
  const WaitingCalls::Ticket both = calls.NextTicket();
  WaitingCalls::Call fourth = Call(4, kNow);
  ASSERT_TRUE(calls.Add(both, fourth).ok());
  calls.Cancel(both);
  calls.Cancel(cancelled);
  const WaitingCalls::Calls gone = calls.TakeGone(kNow);
  EXPECT_THAT(Queries(gone), ElementsAre("of 1", "of 2", "of 3", "of 4"));
  using enum absl::StatusCode;
  EXPECT_THAT(Told(gone, kNow),
              ElementsAre(kDeadlineExceeded, kCancelled, kDeadlineExceeded, kDeadlineExceeded));
}

// As the plain list of calls would: whatever comes, goes and expires in whatever order.
TEST(WaitingCallsTest, AgreesWithASearchThroughAllOfThem) {
  struct Waiting {
    std::string query;
    TimePoint deadline;
    bool cancelled = false;
  };
  std::mt19937 random(1);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  WaitingCalls calls(100'000);
  std::map<WaitingCalls::Ticket, Waiting> expected;
  TimePoint now = kNow;
  for (int step = 0; step < 5000; ++step) {
    if (const int what = below(10); what < 6) {
      const WaitingCalls::Ticket ticket = calls.NextTicket();
      const TimePoint deadline =
          below(3) == 0 ? kNoDeadline : now + std::chrono::seconds(below(40) - 2);
      WaitingCalls::Call call = Call(1, deadline);
      call.request.query = std::to_string(ticket);
      expected[ticket] = {call.request.query, deadline};
      ASSERT_TRUE(calls.Add(ticket, call).ok());
    } else if (what < 8 && !expected.empty()) {
      const WaitingCalls::Ticket ticket =
          expected.begin()->first + static_cast<WaitingCalls::Ticket>(below(50));
      calls.Cancel(ticket);
      if (const auto found = expected.find(ticket); found != expected.end()) {
        found->second.cancelled = true;
      }
    } else {
      now += std::chrono::seconds(below(4));
      std::vector<std::string> queries;
      std::erase_if(expected, [&](const auto& entry) {
        const bool gone = entry.second.cancelled || entry.second.deadline <= now;
        if (gone) queries.push_back(entry.second.query);
        return gone;
      });
      EXPECT_EQ(calls.NextGone() <= now, !queries.empty());
      ASSERT_EQ(Queries(calls.TakeGone(now)), queries);
      TimePoint next = kNoDeadline;
      for (const auto& [ticket, call] : expected) next = std::min(next, call.deadline);
      ASSERT_EQ(calls.NextGone(), next);
    }
  }
  std::vector<std::string> left;
  for (const auto& [ticket, call] : expected) left.push_back(call.query);
  EXPECT_EQ(Queries(calls.TakeAll()), left);
}

}  // namespace
}  // namespace rerankd
