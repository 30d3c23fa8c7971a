// An AsyncHttpClient without a network or a clock: the test answers requests and lets timers run
// out, one at a time, on its own thread.
#pragma once

#include <algorithm>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/async_http_client.h"

namespace rerankd {

// Not thread-safe: `done` and `tick` run inside the method of the test that brings them about, and
// inside stop_source::request_stop().
class FakeAsyncClient : public AsyncHttpClient {
 public:
  struct Sent {
    std::shared_ptr<const HttpRequest> request;
    TimePoint deadline;
  };

  void Send(std::shared_ptr<const HttpRequest> request, TimePoint deadline, std::stop_token stop,
            Done done) override {
    sent_.push_back({request, deadline});
    Open<Done>& open = requests_.emplace_back();
    open.end = std::move(done);
    Watch(requests_, std::move(stop));
  }
  void RunAt(TimePoint when, std::stop_token stop, Tick tick) override {
    Open<Tick>& open = timers_.emplace_back();
    open.end = std::move(tick);
    open.when = when;
    Watch(timers_, std::move(stop));
  }

  // Everything that was ever sent.
  const std::vector<Sent>& sent() const { return sent_; }
  size_t open_requests() const { return requests_.size(); }

  // Ends the request that has been open for longest. REQUIRES: there is one.
  void Answer(absl::StatusOr<HttpResponse> response) {
    End(requests_, requests_.begin(), std::move(response));
  }
  // The one that was sent last.
  void AnswerLast(absl::StatusOr<HttpResponse> response) {
    End(requests_, std::prev(requests_.end()), std::move(response));
  }

  std::vector<TimePoint> timers() const {
    std::vector<TimePoint> times;
    for (const auto& timer : timers_) times.push_back(timer.when);
    return times;
  }
  // Lets the earliest timer run out. REQUIRES: there is one.
  void RunTimer(absl::Status status = absl::OkStatus()) {
    End(timers_, std::ranges::min_element(timers_, {}, [](const auto& t) { return t.when; }),
        std::move(status));
  }

 private:
  template <typename Ending>
  struct Open {
    Ending end;
    TimePoint when;
    std::shared_ptr<bool> ended = std::make_shared<bool>(false);
    std::unique_ptr<std::stop_callback<std::function<void()>>> on_stop;
  };

  template <typename Ending>
  void Watch(std::list<Open<Ending>>& all, std::stop_token stop) {
    const auto at = std::prev(all.end());
    const std::shared_ptr<bool> ended = at->ended;
    auto callback = std::make_unique<std::stop_callback<std::function<void()>>>(
        std::move(stop), [this, &all, at] { End(all, at, absl::CancelledError("cancelled")); });
    if (!*ended) at->on_stop = std::move(callback);  // else it ran at once
  }

  template <typename Ending, typename Result>
  void End(std::list<Open<Ending>>& all, typename std::list<Open<Ending>>::iterator at,
           Result result) {
    // Out of the list first: whoever hears of the end may look.
    std::list<Open<Ending>> ended;
    ended.splice(ended.end(), all, at);
    *ended.front().ended = true;
    ended.front().on_stop.reset();  // perhaps the one that runs just now
    std::move(ended.front().end)(std::move(result));
  }

  std::vector<Sent> sent_;
  std::list<Open<Done>> requests_;
  std::list<Open<Tick>> timers_;
};

}  // namespace rerankd
