#include "providers/hedged_send.h"

#include <gtest/gtest.h>

#include <new>

#include "support/fake_async_client.h"

namespace rerankd {
namespace {

using std::chrono::seconds;

class HedgedSendTest : public testing::Test {
 protected:
  void Send() {
    SendHedged(client_, std::make_shared<const HttpRequest>(), kNoDeadline, stop_.get_token(),
               {.at = TimePoint() + seconds(1),
                .take_slot = [this]() -> std::optional<KeyLimits::Slot> {
                  if (breaks_) throw std::bad_alloc();
                  return may_send_ ? std::optional(KeyLimits::Slot()) : std::nullopt;
                }},
               [this](absl::StatusOr<HttpResponse> result) {
                 EXPECT_FALSE(result_.has_value());
                 result_ = std::move(result);
               });
  }
  int status() const { return result_.has_value() && result_->ok() ? (*result_)->status : -1; }

  FakeAsyncClient client_;
  std::stop_source stop_;
  bool may_send_ = true;
  bool breaks_ = false;
  std::optional<absl::StatusOr<HttpResponse>> result_;
};

TEST_F(HedgedSendTest, AnAnswerInTimeIsTheOnlyOne) {
  Send();
  client_.Answer(HttpResponse{.status = 200});
  EXPECT_EQ(status(), 200);
  EXPECT_TRUE(client_.timers().empty());
  EXPECT_EQ(client_.sent().size(), 1);
}

TEST_F(HedgedSendTest, TheFirstAnswerCountsAndTheOtherIsBrokenOff) {
  Send();
  client_.RunTimer();
  EXPECT_EQ(client_.open_requests(), 2);
  client_.AnswerLast(HttpResponse{.status = 200});
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(client_.open_requests(), 0);
}

TEST_F(HedgedSendTest, AFailureWaitsForTheOther) {
  Send();
  client_.RunTimer();
  client_.Answer(HttpResponse{.status = 503});
  EXPECT_FALSE(result_.has_value());
  client_.Answer(HttpResponse{.status = 200});
  EXPECT_EQ(status(), 200);
}

TEST_F(HedgedSendTest, OfTwoFailuresTheFirstIsTold) {
  Send();
  client_.RunTimer();
  client_.Answer(HttpResponse{.status = 503});
  client_.Answer(absl::UnavailableError("broken"));
  EXPECT_EQ(status(), 503);
}

TEST_F(HedgedSendTest, AFailureBeforeTheTimeIsTheAnswer) {
  Send();
  client_.Answer(absl::UnavailableError("broken"));
  EXPECT_EQ(result_->status(), absl::UnavailableError("broken"));
  EXPECT_TRUE(client_.timers().empty());
}

TEST_F(HedgedSendTest, WithoutASlotThereIsNoSecond) {
  may_send_ = false;
  Send();
  client_.RunTimer();
  EXPECT_EQ(client_.open_requests(), 1);
  client_.Answer(absl::UnavailableError("broken"));
  EXPECT_EQ(result_->status(), absl::UnavailableError("broken"));
}

// As when memory runs out while the second one is made.
TEST_F(HedgedSendTest, ASecondThatCannotBeMadeLeavesTheFirstItsAnswer) {
  breaks_ = true;
  Send();
  client_.RunTimer();
  EXPECT_EQ(client_.open_requests(), 1);
  client_.Answer(HttpResponse{.status = 503});
  EXPECT_EQ(status(), 503);
}

TEST_F(HedgedSendTest, CancellingEndsBoth) {
  Send();
  client_.RunTimer();
  stop_.request_stop();
  EXPECT_EQ(result_->status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(client_.open_requests(), 0);
}

}  // namespace
}  // namespace rerankd
