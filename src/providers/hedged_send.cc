#include "providers/hedged_send.h"

#include <utility>

#include "util/mutex.h"
#include "util/no_throw.h"

namespace rerankd {
namespace {

bool IsOfUse(const absl::StatusOr<HttpResponse>& result) {
  return result.ok() && result->status != 429 && result->status < 500;
}

class HedgedCall : public std::enable_shared_from_this<HedgedCall> {
 public:
  HedgedCall(AsyncHttpClient& client, std::shared_ptr<const HttpRequest> request,
             TimePoint deadline, const std::stop_token& stop, Hedge hedge,
             AsyncHttpClient::Done done)
      : client_(client),
        request_(std::move(request)),
        deadline_(deadline),
        hedge_(std::move(hedge)),
        on_stop_(stop, [both = stop_]() mutable { both.request_stop(); }),
        done_(std::move(done)) {}

  void Start() {
    Send(std::nullopt);
    // Without memory for a timer there is no second one.
    (void)WithoutThrowing([&] {
      client_.RunAt(hedge_.at, stop_.get_token(),
                    [self = shared_from_this()](const absl::Status& status) {
                      if (status.ok()) self->SendSecond();
                    });
      return absl::OkStatus();
    });
  }

 private:
  void Send(std::optional<KeyLimits::Slot> slot) {
    client_.Send(request_, deadline_, stop_.get_token(),
                 [self = shared_from_this(),
                  slot = std::move(slot)](absl::StatusOr<HttpResponse> result) mutable {
                   slot.reset();
                   self->Take(std::move(result));
                 });
  }

  void SendSecond() {
    {
      const MutexLock lock(mutex_);
      if (finished_) return;
      ++open_;
    }
    const absl::Status begun = WithoutThrowing([&]() -> absl::Status {
      std::optional<KeyLimits::Slot> slot = hedge_.take_slot();
      if (!slot.has_value()) return absl::ResourceExhaustedError("no slot");
      Send(std::move(slot));
      return absl::OkStatus();
    });
    if (!begun.ok()) Take(std::nullopt);
  }

  // One of the two has ended; nullopt: it was never sent.
  void Take(std::optional<absl::StatusOr<HttpResponse>> result) {
    {
      const MutexLock lock(mutex_);
      --open_;
      if (finished_) return;
      if (!result.has_value() || !IsOfUse(*result)) {
        if (!failure_.has_value()) failure_ = std::move(result);
        if (open_ > 0) return;
        result = std::move(failure_);
      }
      finished_ = true;
    }
    stop_.request_stop();
    std::move(done_)(*std::move(result));
  }

  AsyncHttpClient& client_;
  const std::shared_ptr<const HttpRequest> request_;
  const TimePoint deadline_;
  Hedge hedge_;
  std::stop_source stop_;  // of both, and of the timer
  std::stop_callback<std::function<void()>> on_stop_;
  AsyncHttpClient::Done done_;  // of the one that finishes

  Mutex mutex_;
  int open_ RERANKD_GUARDED_BY(mutex_) = 1;
  bool finished_ RERANKD_GUARDED_BY(mutex_) = false;
  std::optional<absl::StatusOr<HttpResponse>> failure_ RERANKD_GUARDED_BY(mutex_);
};

}  // namespace

void SendHedged(AsyncHttpClient& client, std::shared_ptr<const HttpRequest> request,
                TimePoint deadline, const std::stop_token& stop, Hedge hedge,
                AsyncHttpClient::Done done) {
  std::make_shared<HedgedCall>(client, std::move(request), deadline, stop, std::move(hedge),
                               std::move(done))
      ->Start();
}

}  // namespace rerankd
