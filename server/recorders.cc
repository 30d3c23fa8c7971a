#include "server/recorders.h"

#include <atomic>
#include <chrono>
#include <optional>
#include <string_view>

#include "core/errors.h"

namespace rerankd {
namespace {

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

class EngineCounter : public EngineRecorder {
 public:
  EngineCounter(EngineMetrics& metrics, size_t max_batch_tokens)
      : metrics_(metrics), max_batch_tokens_(static_cast<double>(max_batch_tokens)) {}

  void QueueChanged(int64_t documents) override {
    metrics_.queue_documents.Increment(static_cast<double>(documents));
  }
  void SessionsChanged(int sessions) override { metrics_.sessions.Increment(sessions); }
  void BusySessionsChanged(int sessions) override { metrics_.sessions_busy.Increment(sessions); }
  void BatchFinished(const Batch& batch) override {
    const auto tokens = static_cast<double>(batch.tokens);
    metrics_.batch_tokens.Observe(tokens);
    metrics_.batch_sequences.Observe(static_cast<double>(batch.sequences));
    metrics_.batch_fill.Observe(tokens / max_batch_tokens_);
    metrics_.batch_seconds.Observe(Seconds(batch.compute));
  }
  void CallAbandoned(bool computed, bool expired) override {
    metrics_.abandoned.Of(computed, expired).Increment();
  }

 private:
  EngineMetrics& metrics_;
  const double max_batch_tokens_;
};

class ProviderCounter : public ProviderRecorder {
 public:
  explicit ProviderCounter(ProviderMetrics& metrics)
      : metrics_(metrics), number_(metrics.newest.fetch_add(1) + 1) {
    Show(CircuitBreaker::State::kClosed);
  }

  void WaitingChanged(int calls) override { metrics_.calls_waiting.Increment(calls); }
  void RunningChanged(int calls) override { metrics_.calls_running.Increment(calls); }
  void KeyWaitEnded(Duration waited) override {
    metrics_.key_wait_seconds.Observe(Seconds(waited));
  }
  void RequestEnded(int http_status, Duration took) override {
    metrics_.Requests(http_status).Increment();
    metrics_.request_seconds.Observe(Seconds(took));
  }
  void Retried() override { metrics_.retries.Increment(); }
  void Hedged() override { metrics_.hedges.Increment(); }
  void BreakerChanged(CircuitBreaker::State state) override {
    if (shown_.exchange(state) != state && state == CircuitBreaker::State::kOpen) {
      metrics_.breaker_openings.Increment();
    }
    if (metrics_.newest.load() == number_) Show(state);
  }
  void BreakerRefused() override { metrics_.breaker_refusals.Increment(); }
  void CallAbandoned(bool sent, bool expired) override {
    metrics_.abandoned.Of(sent, expired).Increment();
  }

 private:
  void Show(CircuitBreaker::State state) {
    using State = CircuitBreaker::State;
    metrics_.breaker_closed.Set(state == State::kClosed ? 1 : 0);
    metrics_.breaker_open.Set(state == State::kOpen ? 1 : 0);
    metrics_.breaker_half_open.Set(state == State::kHalfOpen ? 1 : 0);
  }

  ProviderMetrics& metrics_;
  const uint64_t number_;  // among those of this model
  std::atomic<CircuitBreaker::State> shown_{CircuitBreaker::State::kClosed};
};

// Why this server refused a call; empty: it did not, or a provider did.
std::string OwnReasonOf(const absl::Status& status) {
  std::optional<ErrorInfo> info = ErrorInfoOf(status);
  return info.has_value() && info->domain == ErrorInfo().domain ? std::move(info)->reason : "";
}

Counter* ShedBecauseOf(const std::string& reason, const ShedMetrics& shed) {
  if (reason == "QUEUE_FULL") return &shed.queue_full;
  if (reason == "QUEUE_TOO_LONG") return &shed.deadline;
  if (reason == "TOO_MANY_CALLS") return &shed.too_many_calls;
  if (reason == "DRAINING") return &shed.draining;
  return nullptr;
}

void RecordAnswer(const RequestLog& call, Metrics& metrics) {
  // Of the one that did the work.
  ModelMetrics* const model = metrics.models.Find(call.model);
  if (model == nullptr) return;
  model->tokens.Increment(static_cast<double>(call.usage.total_tokens));
  model->queue_seconds.Observe(Seconds(call.timings.queue));
  model->compute_seconds.Observe(Seconds(call.timings.compute));
  if (const EngineMetrics* const engine = metrics.engines.Find(call.model)) {
    engine->tokenize_seconds.Observe(Seconds(call.timings.tokenize));
  }
}

void RecordTenant(const RequestLog& call, const std::string& reason, Metrics& metrics) {
  if (call.tenant.empty()) return;
  TenantMetrics& tenant = metrics.tenants.Of(call.tenant);
  tenant.calls.Increment();
  if (reason == "QUOTA_EXCEEDED") tenant.quota_refusals.Increment();
  if (call.status.ok()) tenant.tokens.Increment(static_cast<double>(call.usage.total_tokens));
}

}  // namespace

void RecordCall(const RequestLog& call, Metrics& metrics) {
  const std::string& asked = call.asked_model.empty() ? call.model : call.asked_model;
  ModelMetrics* const model = metrics.models.Find(asked);
  CallMetrics& of_method =
      (model == nullptr ? metrics.calls_without_model : model->calls).Of(call.method);
  const absl::StatusCode code = call.status.code();
  of_method.Answered(static_cast<int>(code), absl::StatusCodeToString(code)).Increment();
  of_method.seconds.Observe(Seconds(call.total));
  const std::string reason = OwnReasonOf(call.status);
  RecordTenant(call, reason, metrics);
  if (Counter* const shed =
          ShedBecauseOf(reason, model == nullptr ? metrics.shed_without_model : model->shed)) {
    shed->Increment();
  }
  if (call.method != "Rerank" || model == nullptr) return;
  model->call_documents.Observe(static_cast<double>(call.documents));
  if (!call.status.ok()) return;
  if (!call.asked_model.empty()) model->FallbackAnswers(call.model).Increment();
  RecordAnswer(call, metrics);
}

std::shared_ptr<EngineRecorder> RecorderOfEngine(Metrics* metrics, const std::string& model,
                                                 size_t max_batch_tokens) {
  EngineMetrics* const engine = metrics == nullptr ? nullptr : metrics->engines.Find(model);
  if (engine == nullptr) return nullptr;
  return std::make_shared<EngineCounter>(*engine, max_batch_tokens);
}

std::shared_ptr<ProviderRecorder> RecorderOfProvider(Metrics* metrics, const std::string& model) {
  ProviderMetrics* const provider = metrics == nullptr ? nullptr : metrics->providers.Find(model);
  if (provider == nullptr) return nullptr;
  return std::make_shared<ProviderCounter>(*provider);
}

void RecordLoad(Metrics* metrics, const std::string& model, bool succeeded, Duration took) {
  ModelMetrics* const found = metrics == nullptr ? nullptr : metrics->models.Find(model);
  if (found == nullptr) return;
  (succeeded ? found->loads : found->failed_loads).Increment();
  if (succeeded) found->load_seconds.Set(Seconds(took));
}

}  // namespace rerankd
