#include "observability/metrics.h"

#include <algorithm>

namespace rerankd {

const Buckets kSecondsBuckets = {0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,
                                 0.2,    0.5,   1,     2,     5,    10,   20,   50};
const Buckets kDocumentsBuckets = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10'000};
const Buckets kSequencesBuckets = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};
const Buckets kTokensBuckets = {16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16'384};
const Buckets kShareBuckets = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1};

CallMetrics::CallMetrics(const SeriesMaker& make, std::string_view method)
    : seconds(
          make.With({{"method", std::string(method)}})
              .MakeHistogram("rerankd_call_duration_seconds",
                             "Time from the arrival of a call until its answer was handed over.",
                             kSecondsBuckets)),
      make_(make.With({{"method", std::string(method)}})) {}

CallMetrics::OneCode::OneCode(const SeriesMaker& make, std::string_view code_name)
    : counter(make.MakeCounter("rerankd_calls_total", "Calls that were answered.",
                               {{"code", std::string(code_name)}})) {}

Counter& CallMetrics::Answered(int code, std::string_view code_name) {
  return codes_.at(static_cast<size_t>(code)).Get(make_, code_name).counter;
}

CallMetrics& CallsByMethod::Of(std::string_view method) {
  const auto found = std::find(kMethods.begin(), kMethods.end() - 1, method);
  return methods_[static_cast<size_t>(found - kMethods.begin())].Get(make_, *found);
}

Counter& ShedMetrics::Shed(const SeriesMaker& make, const std::string& reason) {
  return make.MakeCounter("rerankd_shed_calls_total",
                          "Calls that were refused for want of room, or of time to wait for it.",
                          {{"reason", reason}});
}

ModelMetrics::ModelMetrics(const SeriesMaker& make)
    : calls(make),
      shed(make),
      call_documents(make.MakeHistogram("rerankd_call_documents", "Documents of a Rerank call.",
                                        kDocumentsBuckets)),
      tokens(make.MakeCounter(
          "rerankd_tokens_total",
          "Tokens that were read for calls that were answered, special ones and the query's "
          "repetitions included; of a hosted model those that its provider states.")),
      queue_seconds(make.MakeHistogram(
          "rerankd_queue_seconds",
          "Time that an answered call waited: for a session, or for its turn with the provider.",
          kSecondsBuckets)),
      compute_seconds(make.MakeHistogram(
          "rerankd_compute_seconds",
          "Time from when an answered call was begun, or first sent, until its last score was "
          "there.",
          kSecondsBuckets)),
      loads(make.MakeCounter("rerankd_model_loads_total", "Loads of a model that have ended.",
                             {{"result", "ok"}})),
      failed_loads(make.MakeCounter("rerankd_model_loads_total",
                                    "Loads of a model that have ended.", {{"result", "failed"}})),
      load_seconds(make.MakeGauge("rerankd_model_load_seconds",
                                  "How long the last load that succeeded took.")),
      make_(make) {}

Counter& ModelMetrics::FallbackAnswers(const std::string& by) const {
  return make_.MakeCounter("rerankd_fallback_answers_total",
                           "Calls to a model that another one answered in its place.",
                           {{"by", by}});
}

Counter& AbandonedMetrics::Abandoned(const SeriesMaker& make, const std::string& stage,
                                     const std::string& cause) {
  return make.MakeCounter("rerankd_abandoned_calls_total",
                          "Calls that nobody waited for any more, before or after their work was "
                          "begun.",
                          {{"stage", stage}, {"cause", cause}});
}

EngineMetrics::EngineMetrics(const SeriesMaker& make)
    : queue_documents(make.MakeGauge("rerankd_queue_documents",
                                     "Documents that were admitted and are not answered yet.")),
      queue_documents_limit(make.MakeGauge(
          "rerankd_queue_documents_limit",
          "The most that may be; past that, calls are refused (max_queued_documents).")),
      sessions(make.MakeGauge("rerankd_sessions", "Sessions, each of which computes a batch.")),
      sessions_busy(make.MakeGauge("rerankd_sessions_busy", "Sessions that compute now.")),
      tokenize_seconds(make.MakeHistogram(
          "rerankd_tokenize_seconds",
          "Time from the arrival of an answered call until all its texts were tokenized.",
          kSecondsBuckets)),
      batch_tokens(make.MakeHistogram("rerankd_batch_tokens",
                                      "Tokens of a batch. All are computed: there is no padding.",
                                      kTokensBuckets)),
      batch_sequences(make.MakeHistogram("rerankd_batch_sequences", "Sequences of a batch.",
                                         kSequencesBuckets)),
      batch_fill(make.MakeHistogram("rerankd_batch_fill_ratio",
                                    "Tokens of a batch as a share of max_batch_tokens.",
                                    kShareBuckets)),
      batch_seconds(make.MakeHistogram("rerankd_batch_duration_seconds",
                                       "Time that a session took for a batch.", kSecondsBuckets)),
      abandoned(make) {}

namespace {

Gauge& BreakerState(const SeriesMaker& make, const std::string& state) {
  return make.MakeGauge("rerankd_provider_breaker_state",
                        "1 for the state that the circuit breaker is in.", {{"state", state}});
}

Counter& RequestsThatEnded(const SeriesMaker& make, const std::string& outcome) {
  return make.MakeCounter("rerankd_provider_requests_total",
                          "Requests to the provider, retries included, by HTTP status.",
                          {{"outcome", outcome}});
}

}  // namespace

ProviderMetrics::ProviderMetrics(const SeriesMaker& make)
    : request_seconds(make.MakeHistogram(
          "rerankd_provider_request_duration_seconds",
          "Time from sending a request until the provider's answer was there.", kSecondsBuckets)),
      retries(make.MakeCounter("rerankd_provider_retries_total",
                               "Requests that were sent again after a failure.")),
      hedges(make.MakeCounter("rerankd_provider_hedges_total",
                              "Requests that were sent a second time because the first had no "
                              "answer yet.")),
      breaker_closed(BreakerState(make, "closed")),
      breaker_open(BreakerState(make, "open")),
      breaker_half_open(BreakerState(make, "half_open")),
      breaker_openings(make.MakeCounter("rerankd_provider_breaker_openings_total",
                                        "How often the circuit breaker opened.")),
      breaker_refusals(make.MakeCounter("rerankd_provider_breaker_refusals_total",
                                        "Calls that were not sent because it was open.")),
      key_wait_seconds(make.MakeHistogram(
          "rerankd_provider_key_wait_seconds",
          "Time that a request waited for its turn with the provider's key, whether it came or not "
          "(max_concurrent_calls).",
          kSecondsBuckets)),
      calls_waiting(make.MakeGauge("rerankd_provider_calls_waiting",
                                   "Calls that wait for their turn with the provider's key.")),
      calls_running(make.MakeGauge("rerankd_provider_calls_running",
                                   "Calls that wait for the provider's answer.")),
      abandoned(make),
      success_(RequestsThatEnded(make, "2xx")),
      client_error_(RequestsThatEnded(make, "4xx")),
      rate_limited_(RequestsThatEnded(make, "429")),
      server_error_(RequestsThatEnded(make, "5xx")),
      other_(RequestsThatEnded(make, "other")),
      no_answer_(RequestsThatEnded(make, "no_answer")) {}

Counter& ProviderMetrics::Requests(int http_status) const {
  if (http_status == 0) return no_answer_;
  if (http_status == 429) return rate_limited_;
  switch (http_status / 100) {
    case 2:
      return success_;
    case 4:
      return client_error_;
    case 5:
      return server_error_;
    default:
      return other_;
  }
}

TenantMetrics::TenantMetrics(const SeriesMaker& make)
    : calls(make.MakeCounter("rerankd_tenant_calls_total",
                             "Calls with a key of the tenant that were answered.")),
      quota_refusals(make.MakeCounter(
          "rerankd_tenant_quota_refusals_total",
          "Those of them that were refused because the tenant had used up its quota.")),
      tokens(make.MakeCounter("rerankd_tenant_tokens_total",
                              "Tokens that were read for calls of the tenant that succeeded.")) {}

Metrics::Metrics(const std::vector<Model>& served, const std::string& version)
    : registry_(std::make_shared<prometheus::Registry>()),
      make(*registry_),
      calls_without_model(make.With({{"model", ""}})),
      shed_without_model(make.With({{"model", ""}})),
      tenants(
          [this](const std::string& tenant) {
            return std::make_unique<TenantMetrics>(make.With({{"tenant", tenant}}));
          },
          std::string(kOtherTenants)) {
  make.MakeGauge("rerankd_build_info", "1, with the version of the program.",
                 {{"version", version}})
      .Set(1);
  for (const Model& model : served) {
    const SeriesMaker of_model = make.With({{"model", model.name}});
    // What rates and alerts look at is there from the start, so that its first increase shows.
    CallMetrics& rerank = models.Add(model.name, of_model).calls.Of("Rerank");
    rerank.Answered(0, "OK");
    rerank.Answered(4, "DEADLINE_EXCEEDED");
    rerank.Answered(8, "RESOURCE_EXHAUSTED");
    rerank.Answered(13, "INTERNAL");
    rerank.Answered(14, "UNAVAILABLE");
    if (model.hosted) {
      providers.Add(model.name, of_model);
    } else {
      engines.Add(model.name, of_model);
    }
  }
}

}  // namespace rerankd
