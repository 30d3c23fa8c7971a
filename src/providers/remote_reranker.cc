// A call is a chain of steps, each of which begins the next as its last act: from then on another
// thread may be in that. So a call needs no lock; what all calls share (Upstream) has one.
#include "providers/remote_reranker.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <optional>
#include <random>
#include <utility>
#include <variant>

#include "core/call_trace.h"
#include "core/errors.h"
#include "http/url.h"
#include "providers/circuit_breaker.h"
#include "providers/hedged_send.h"
#include "providers/provider_errors.h"
#include "providers/retry_budget.h"
#include "providers/retry_delay.h"
#include "util/mutex.h"
#include "util/no_throw.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// libcurl counts in milliseconds: an attempt may end so long before its deadline.
constexpr milliseconds kClockGrain{2};
// gRPC ends a call whose deadline has passed about when our own timer does, and either may be
// first.
constexpr milliseconds kDeadlineGrain{50};

// Bytes of call and answer from which on reading the answer may take a millisecond: it is parsed,
// or searched for what the call holds.
constexpr size_t kLongReading = size_t{64} << 10;

double Random() {
  thread_local std::minstd_rand generator{std::random_device()()};
  return std::uniform_real_distribution<double>()(generator);
}

// Counts a call among those that wait, or that run, for as long as it is there.
class Counted {
 public:
  using Change = void (ProviderRecorder::*)(int);
  Counted(std::shared_ptr<ProviderRecorder> recorder, Change change)
      : recorder_(std::move(recorder)), change_(change), began_(steady_clock::now()) {
    (recorder_.get()->*change_)(1);
  }
  Counted(Counted&&) = default;
  Counted& operator=(Counted&&) = delete;
  ~Counted() { End(); }

  // Once it is over; returns how long it took.
  Duration End() {
    if (const auto recorder = std::move(recorder_); recorder != nullptr) {
      (recorder.get()->*change_)(-1);
    }
    return steady_clock::now() - began_;
  }

 private:
  std::shared_ptr<ProviderRecorder> recorder_;
  Change change_;
  TimePoint began_;
};

CircuitBreaker::Options BreakerOptions(const RemoteOptions& options) {
  return {.min_calls = options.breaker_calls,
          .failure_percent = options.breaker_percent,
          .window = options.breaker_window,
          .open_for = options.breaker_open};
}

}  // namespace

// What the calls of one entry share.
class RemoteReranker::Upstream : public std::enable_shared_from_this<Upstream> {
 public:
  explicit Upstream(Parts given)
      : parts(std::move(given)),
        breaker_(BreakerOptions(parts.options)),
        budget_(parts.options.retry_budget) {
    if (!parts.random) parts.random = Random;
    if (parts.recorder == nullptr) parts.recorder = std::make_shared<ProviderRecorder>();
  }

  absl::StatusOr<CircuitBreaker::Pass> Admit() {
    const TimePoint now = steady_clock::now();
    std::variant<CircuitBreaker::Pass, CircuitBreaker::Refusal> admitted;
    {
      const MutexLock lock(mutex_);
      admitted = breaker_.Admit(now);
    }
    if (const auto* pass = std::get_if<CircuitBreaker::Pass>(&admitted)) return *pass;
    parts.recorder->BreakerRefused();
    const auto retry_after =
        std::chrono::ceil<milliseconds>(std::get<CircuitBreaker::Refusal>(admitted).retry_after);
    return WithRetryAfter(
        ProviderUnavailable(parts.provider->name(),
                            "it did not answer lately; the call was not sent, retry later"),
        retry_after);
  }

  void Record(const CircuitBreaker::Pass& pass, CircuitBreaker::Outcome outcome) {
    const TimePoint now = steady_clock::now();
    {
      const MutexLock lock(mutex_);
      const CircuitBreaker::State before = breaker_.state(now);
      breaker_.Record(pass, outcome, now);
      if (breaker_.state(now) == before) return;
    }
    ShowState();
  }

  void Succeeded() {
    const MutexLock lock(mutex_);
    budget_.Succeeded();
  }
  void Failed() {
    const MutexLock lock(mutex_);
    budget_.Failed();
  }
  bool AllowsRetry() const {
    const MutexLock lock(mutex_);
    return budget_.allows_retry();
  }

  Parts parts;

 private:
  // Shown in the order in which it changed: one at a time, each showing what is true by then.
  void ShowState() {
    const MutexLock showing(showing_);
    TimePoint open_until = kNoDeadline;
    CircuitBreaker::State state{};
    {
      const MutexLock lock(mutex_);
      state = breaker_.state(steady_clock::now());
      if (state == CircuitBreaker::State::kOpen) open_until = breaker_.open_until();
    }
    parts.recorder->BreakerChanged(state);
    Availability::State shown;
    if (state != CircuitBreaker::State::kClosed) {
      // From half-open on a call is let through, and may bring an answer.
      shown.can_serve =
          state == CircuitBreaker::State::kHalfOpen || !parts.options.fallback.empty();
      shown.problem = fmt::format("{} does not answer", parts.provider->name());
    }
    if (parts.availability != nullptr) parts.availability->Set(shown);
    if (state != CircuitBreaker::State::kOpen) return;
    parts.client->RunAt(open_until, {}, [weak = weak_from_this()](const absl::Status& status) {
      if (const auto self = weak.lock(); self != nullptr && status.ok()) self->ShowState();
    });
  }

  Mutex showing_;
  mutable Mutex mutex_;
  CircuitBreaker breaker_ RERANKD_GUARDED_BY(mutex_);
  RetryBudget budget_ RERANKD_GUARDED_BY(mutex_);
};

class RemoteReranker::Call : public std::enable_shared_from_this<Call> {
 public:
  Call(std::shared_ptr<Upstream> upstream, RerankRequest request, Done done)
      : upstream_(std::move(upstream)),
        parts_(upstream_->parts),
        began_(steady_clock::now()),
        request_(std::move(request)),
        done_(std::move(done)) {
    const TimePoint own = began_ + parts_.options.timeout;
    deadline_ = std::min(own, request_.deadline);
  }
  ~Call() {
    if (pass_.has_value()) upstream_->Record(*pass_, CircuitBreaker::Outcome::kUnknown);
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  void Start() {
    Step([this]() -> absl::Status {
      if (request_.documents.empty()) {
        Finish(RerankResult{.score_kind = parts_.provider->score_kind()});
        return absl::OkStatus();
      }
      RERANKD_RETURN_IF_ERROR(CheckDocuments());
      RERANKD_ASSIGN_OR_RETURN(key_, ChooseKey());
      RERANKD_RETURN_IF_ERROR(Build());
      TakeSlot();
      return absl::OkStatus();
    });
  }

 private:
  // Runs one step; what it returns or throws as an error is the call's answer.
  template <typename Work>
  void Step(const Work& work) {
    absl::Status status = WithoutThrowing(work);
    if (!status.ok()) Finish(std::move(status));
  }

  absl::Status CheckDocuments() const {
    const size_t most = parts_.provider->limits().max_documents;
    if (most == 0 || request_.documents.size() <= most) return absl::OkStatus();
    return InvalidField("documents",
                        fmt::format("has {} entries, but {} takes at most {} in one call",
                                    request_.documents.size(), parts_.provider->name(), most));
  }

  absl::StatusOr<ProviderKey> ChooseKey() const {
    if (request_.provider_key.empty()) {
      RERANKD_ASSIGN_OR_RETURN(Secret key, parts_.keys->Get());
      std::string place = key.empty() ? "" : parts_.keys->place();
      return ProviderKey{std::move(key), /*is_callers=*/false, std::move(place)};
    }
    if (!parts_.takes_callers_key) {
      return WithReason(
          absl::PermissionDeniedError(fmt::format(
              "model \"{}\" does not take a key of the caller's own (x-rerank-provider-key)",
              parts_.model)),
          "CALLER_KEY_REFUSED");
    }
    absl::StatusOr<Secret> key = ParseKey(request_.provider_key.Reveal());
    if (!key.ok()) {
      return absl::InvalidArgumentError(fmt::format("x-rerank-provider-key cannot be used: {}",
                                                    std::string(key.status().message())));
    }
    return ProviderKey{*std::move(key), /*is_callers=*/true, ""};
  }

  absl::Status Build() {
    RERANKD_ASSIGN_OR_RETURN(HttpRequest http, parts_.provider->BuildRequest(request_, key_));
    http.connect_timeout = parts_.options.connect_timeout;
    // Some give the documents back, escaped in a way of their own.
    http.max_body_bytes = parts_.options.max_answer_bytes + 2 * http.body.size();
    http.ca_file = parts_.options.ca_file;
    RERANKD_ASSIGN_OR_RETURN(limit_key_, LimitKey(http));
    http_ = std::make_shared<const HttpRequest>(std::move(http));
    return absl::OkStatus();
  }

  KeyLimits::Limit Limit() const {
    return {parts_.options.max_concurrent_calls, parts_.options.max_waiting_calls};
  }
  // Keys of different providers are different keys, and without a key each entry is by itself.
  absl::StatusOr<std::string> LimitKey(const HttpRequest& http) const {
    if (key_.secret.empty()) return fmt::format("entry\n{}", parts_.model);
    RERANKD_ASSIGN_OR_RETURN(const Url url, ParseUrl(http.url));
    return fmt::format("key\n{}://{}:{}\n{}", url.scheme, url.host, url.port, key_.secret.Reveal());
  }

  void TakeSlot() {
    parts_.limits->Acquire(limit_key_, Limit(), deadline_, request_.cancelled,
                           [self = shared_from_this(),
                            waiting = Counted(parts_.recorder, &ProviderRecorder::WaitingChanged)](
                               absl::StatusOr<KeyLimits::Slot> slot) mutable {
                             self->parts_.recorder->KeyWaitEnded(waiting.End());
                             self->Step([&]() -> absl::Status {
                               if (!slot.ok()) return self->WhileWaiting(slot.status());
                               return self->Send(*std::move(slot));
                             });
                           });
  }

  absl::Status Send(KeyLimits::Slot slot) {
    RERANKD_ASSIGN_OR_RETURN(pass_, upstream_->Admit());
    sent_ = steady_clock::now();
    ++requests_;
    if (first_sent_ == TimePoint()) first_sent_ = sent_;
    AsyncHttpClient::Done done = [self = shared_from_this(), slot = std::move(slot),
                                  running =
                                      Counted(parts_.recorder, &ProviderRecorder::RunningChanged)](
                                     absl::StatusOr<HttpResponse> response) mutable {
      // First of all, so that whoever waits for the slot is on its way while this is read.
      slot.Release();
      const Duration took = running.End();
      self->parts_.recorder->RequestEnded(response.ok() ? response->status : 0, took);
      if (self->request_.trace != nullptr) self->TraceRequest(response, took);
      self->Step([&] { return self->Read(std::move(response)); });
    };
    if (parts_.options.hedge_after.count() == 0) {
      parts_.client->Send(http_, deadline_, request_.cancelled, std::move(done));
    } else {
      SendHedged(*parts_.client, http_, deadline_, request_.cancelled,
                 {.at = sent_ + parts_.options.hedge_after,
                  .take_slot = [self = shared_from_this()] { return self->SlotForHedge(); }},
                 std::move(done));
    }
    return absl::OkStatus();
  }

  std::optional<KeyLimits::Slot> SlotForHedge() const {
    if (!upstream_->AllowsRetry()) return std::nullopt;
    std::optional<KeyLimits::Slot> slot = parts_.limits->TryAcquire(limit_key_, Limit());
    if (slot.has_value()) parts_.recorder->Hedged();
    return slot;
  }

  void TraceRequest(const absl::StatusOr<HttpResponse>& response, Duration took) const {
    (void)WithoutThrowing([&]() -> absl::Status {
      RERANKD_ASSIGN_OR_RETURN(const Url url, ParseUrl(http_->url));
      CallTrace::ProviderRequest request{.method = http_->method, .host = url.host};
      std::from_chars(url.port.data(), url.port.data() + url.port.size(), request.port);
      if (response.ok()) {
        request.http_status = response->status;
      } else {
        request.error = absl::StatusCodeToString(response.status().code());
      }
      request.earlier = requests_ - 1;
      request.begin = sent_;
      request.end = sent_ + took;
      request_.trace->ProviderAsked(std::move(request));
      return absl::OkStatus();
    });
  }

  absl::Status Read(absl::StatusOr<HttpResponse> response) {
    const bool is_long = response.ok() && http_->body.size() + response->body.size() > kLongReading;
    if (!is_long || !parts_.read_elsewhere) return Take(std::move(response));
    parts_.read_elsewhere([self = shared_from_this(), response = std::move(response)]() mutable {
      self->Step([&] { return self->Take(std::move(response)); });
    });
    return absl::OkStatus();
  }

  absl::Status Take(absl::StatusOr<HttpResponse> response) {
    upstream_->Record(*std::exchange(pass_, std::nullopt), OutcomeOf(response));
    absl::StatusOr<RerankResult> result =
        response.ok() ? parts_.provider->ParseResponse(request_, key_, *response)
                      : absl::StatusOr<RerankResult>(WithoutAnswer(response.status()));
    if (!result.ok()) return TryAgain(std::move(result).status());
    upstream_->Succeeded();
    result->timings.queue = first_sent_ - began_;
    result->timings.compute = steady_clock::now() - first_sent_;
    Finish(std::move(result));
    return absl::OkStatus();
  }

  CircuitBreaker::Outcome OutcomeOf(const absl::StatusOr<HttpResponse>& response) const {
    using Outcome = CircuitBreaker::Outcome;
    if (response.ok()) {
      return response->status >= 500 && response->status != 501 ? Outcome::kFailed
                                                                : Outcome::kSucceeded;
    }
    switch (response.status().code()) {
      case absl::StatusCode::kUnavailable:
      case absl::StatusCode::kFailedPrecondition:
        return Outcome::kFailed;
      case absl::StatusCode::kCancelled:
        // Its caller has gone: because it need not wait any more, or because its time was over?
        if (steady_clock::now() + kDeadlineGrain < request_.deadline) return Outcome::kUnknown;
        [[fallthrough]];
      case absl::StatusCode::kDeadlineExceeded:
        // Either its caller was in a hurry or it does not answer.
        return steady_clock::now() - sent_ >= parts_.options.breaker_patience ? Outcome::kFailed
                                                                              : Outcome::kUnknown;
      default:
        return Outcome::kUnknown;
    }
  }

  // What the caller is told when there is no answer at all.
  absl::Status WithoutAnswer(const absl::Status& status) const {
    if (!absl::IsDeadlineExceeded(status)) return TransportError(parts_.provider->name(), status);
    const TimePoint now = steady_clock::now() + kClockGrain;
    if (now >= request_.deadline)
      return absl::DeadlineExceededError("the call's deadline has passed");
    if (now >= deadline_) return TookTooLong();
    // No connection, or not a byte, for as long as that may take.
    return TransportError(parts_.provider->name(),
                          absl::UnavailableError(std::string(status.message())));
  }

  // The same while it waited for its turn: the provider was not even asked.
  absl::Status WhileWaiting(const absl::Status& status) const {
    if (!absl::IsDeadlineExceeded(status) || request_.deadline <= deadline_) return status;
    return RetryLater(fmt::format("the call had no turn within {} ms; retry later",
                                  parts_.options.timeout.count()),
                      parts_.options.retry_delay);
  }

  absl::Status TookTooLong() const {
    return ProviderUnavailable(
        parts_.provider->name(),
        fmt::format("no answer within {} ms", parts_.options.timeout.count()));
  }

  // `failure` is the answer, unless there is another attempt.
  absl::Status TryAgain(absl::Status failure) {
    const RetryRule rule = RetryRuleOf(failure);
    if (rule == RetryRule::kNextKey) return TryOtherKey(std::move(failure));
    if (rule == RetryRule::kNever) return failure;
    upstream_->Failed();
    const TimePoint now = steady_clock::now();
    const std::optional<Duration> delay = RetryDelay(parts_.options,
                                                     {.rule = rule,
                                                      .retries = retries_,
                                                      .once_retries = once_retries_,
                                                      .asked = RetryAfterOf(failure),
                                                      .left = deadline_ - now},
                                                     parts_.random());
    if (!delay.has_value() || !upstream_->AllowsRetry()) return failure;
    ++retries_;
    parts_.recorder->Retried();
    if (rule == RetryRule::kOnce) ++once_retries_;
    parts_.client->RunAt(
        now + *delay, request_.cancelled,
        [self = shared_from_this(), failure = std::move(failure)](const absl::Status& status) {
          self->Step([&]() -> absl::Status {
            if (absl::IsCancelled(status)) return status;
            if (!status.ok()) return failure;
            self->TakeSlot();
            return absl::OkStatus();
          });
        });
    return absl::OkStatus();
  }

  // A key that was refused may just have been replaced.
  absl::Status TryOtherKey(absl::Status failure) {
    if (key_.is_callers || tried_other_key_) return failure;
    absl::StatusOr<Secret> key = parts_.keys->Get();
    if (!key.ok() || key->Reveal() == key_.secret.Reveal()) return failure;
    tried_other_key_ = true;
    key_.secret = *std::move(key);
    RERANKD_RETURN_IF_ERROR(Build());
    TakeSlot();
    return absl::OkStatus();
  }

  void Finish(absl::StatusOr<RerankResult> result) {
    if (finished_.exchange(true)) return;
    const bool expired = absl::IsDeadlineExceeded(result.status());
    if (expired || absl::IsCancelled(result.status())) {
      // Whoever cancels a call may do so because its time is over.
      parts_.recorder->CallAbandoned(first_sent_ != TimePoint(),
                                     expired || request_.deadline <= steady_clock::now());
    }
    std::move(done_)(std::move(result));
  }

  const std::shared_ptr<Upstream> upstream_;
  const Parts& parts_;
  const TimePoint began_;
  TimePoint deadline_;  // the caller's or the entry's, whichever is sooner
  RerankRequest request_;
  ProviderKey key_;
  std::shared_ptr<const HttpRequest> http_;
  std::string limit_key_;
  std::optional<CircuitBreaker::Pass> pass_;  // of the attempt under way
  TimePoint sent_;
  TimePoint first_sent_;
  int requests_ = 0;  // that were sent
  int retries_ = 0;
  int once_retries_ = 0;
  bool tried_other_key_ = false;
  // Atomic only for the sake of a step that ran out of memory after it had begun the next.
  std::atomic<bool> finished_{false};
  Done done_;
};

RemoteReranker::RemoteReranker(Parts parts)
    : upstream_(std::make_shared<Upstream>(std::move(parts))) {}

RemoteReranker::~RemoteReranker() = default;

void RemoteReranker::Rerank(RerankRequest request, Done done) {
  std::make_shared<Call>(upstream_, std::move(request), std::move(done))->Start();
}

}  // namespace rerankd
