// Every metric that the server counts: its name, its help, its labels and its buckets. A new one is
// a member here, the line that records it (server/recorders.cc, for most) and a row of the table in
// docs/OPERATIONS.md, which a test compares with what the server prints.
//
// What is not counted but looked at when somebody asks is in process_metrics.h and in
// server/polled_metrics.h.
//
// No label holds what a caller wrote. Model names are those of the configuration, tenants those of
// the file of keys.
#pragma once

#include <prometheus/registry.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "observability/series.h"

namespace rerankd {

// Seconds, from what a small call takes to what a large one may.
extern const Buckets kSecondsBuckets;
extern const Buckets kDocumentsBuckets;
extern const Buckets kSequencesBuckets;
extern const Buckets kTokensBuckets;
extern const Buckets kShareBuckets;  // of something whole

// Of one method on one model.
class CallMetrics {
 public:
  CallMetrics(const SeriesMaker& make, std::string_view method);

  Histogram& seconds;

  // The calls that were answered with a gRPC code, by its name ("OK", "NOT_FOUND").
  // REQUIRES: code is one of gRPC's, 0 to 16.
  Counter& Answered(int code, std::string_view code_name);

 private:
  struct OneCode {
    OneCode(const SeriesMaker& make, std::string_view code_name);
    Counter& counter;
  };
  const SeriesMaker make_;
  std::array<OnFirstUse<OneCode>, 17> codes_;
};

// Calls of a model, or of none where that was not known, by method.
class CallsByMethod {
 public:
  explicit CallsByMethod(const SeriesMaker& make) : make_(make) {}
  // A method that is not in the API counts as "other".
  CallMetrics& Of(std::string_view method);

 private:
  static constexpr std::array<std::string_view, 7> kMethods = {
      "Rerank", "ListModels", "GetModel", "LoadModel", "ReloadModel", "UnloadModel", "other"};
  const SeriesMaker make_;
  std::array<OnFirstUse<CallMetrics>, kMethods.size()> methods_;
};

// Why a call was refused for want of room, or of time to wait for it.
struct ShedMetrics {
  explicit ShedMetrics(const SeriesMaker& make)
      : queue_full(Shed(make, "queue_full")),
        deadline(Shed(make, "deadline")),
        too_many_calls(Shed(make, "too_many_calls")),
        draining(Shed(make, "draining")) {}

  Counter& queue_full;      // as much waits as may
  Counter& deadline;        // the wait would outlast its deadline
  Counter& too_many_calls;  // as many are in progress as may be
  Counter& draining;        // the server stops

 private:
  static Counter& Shed(const SeriesMaker& make, const std::string& reason);
};

// Of a model's answers and of its comings and goings.
struct ModelMetrics {
  explicit ModelMetrics(const SeriesMaker& make);

  CallsByMethod calls;
  ShedMetrics shed;
  Histogram& call_documents;
  Counter& tokens;
  Histogram& queue_seconds;
  Histogram& compute_seconds;
  Counter& loads;
  Counter& failed_loads;
  Gauge& load_seconds;

  // Answers of another model that stood in for this one.
  Counter& FallbackAnswers(const std::string& by) const;

 private:
  const SeriesMaker make_;
};

// Calls whose caller did not wait for the answer.
struct AbandonedMetrics {
  explicit AbandonedMetrics(const SeriesMaker& make)
      : cancelled_before(Abandoned(make, "before_start", "cancelled")),
        expired_before(Abandoned(make, "before_start", "deadline")),
        cancelled_after(Abandoned(make, "after_start", "cancelled")),
        expired_after(Abandoned(make, "after_start", "deadline")) {}

  Counter& Of(bool started, bool expired) const {
    if (started) return expired ? expired_after : cancelled_after;
    return expired ? expired_before : cancelled_before;
  }

  Counter& cancelled_before;
  Counter& expired_before;
  Counter& cancelled_after;
  Counter& expired_after;

 private:
  static Counter& Abandoned(const SeriesMaker& make, const std::string& stage,
                            const std::string& cause);
};

// Of a model that is computed here.
struct EngineMetrics {
  explicit EngineMetrics(const SeriesMaker& make);

  Gauge& queue_documents;
  Gauge& queue_documents_limit;
  Gauge& sessions;
  Gauge& sessions_busy;
  Histogram& tokenize_seconds;
  Histogram& batch_tokens;
  Histogram& batch_sequences;
  Histogram& batch_fill;
  Histogram& batch_seconds;
  AbandonedMetrics abandoned;
};

// Of a model that a provider hosts.
struct ProviderMetrics {
  explicit ProviderMetrics(const SeriesMaker& make);

  // By how a request ended: "2xx", "4xx", "429", "5xx", "other", or "no_answer".
  Counter& Requests(int http_status) const;

  Histogram& request_seconds;
  Counter& retries;
  Counter& hedges;
  Gauge& breaker_closed;
  Gauge& breaker_open;
  Gauge& breaker_half_open;
  Counter& breaker_openings;
  Counter& breaker_refusals;
  Histogram& key_wait_seconds;
  Gauge& calls_waiting;
  Gauge& calls_running;
  AbandonedMetrics abandoned;

  // Of a model that is loaded again, the newest says in which state its breaker is.
  std::atomic<uint64_t> newest{0};

 private:
  Counter& success_;
  Counter& client_error_;
  Counter& rate_limited_;
  Counter& server_error_;
  Counter& other_;
  Counter& no_answer_;
};

// Of the calls that showed a key of one tenant.
struct TenantMetrics {
  explicit TenantMetrics(const SeriesMaker& make);

  Counter& calls;
  Counter& quota_refusals;
  Counter& tokens;
};

// Safe for concurrent use. Counting takes no lock but the one that each histogram has, and the one
// to find a tenant.
class Metrics {
 public:
  struct Model {
    std::string name;
    bool hosted = false;
  };

  Metrics(const std::vector<Model>& models, const std::string& version);

  // All that was counted, for the endpoint.
  const std::shared_ptr<prometheus::Registry>& registry() const { return registry_; }

 private:
  const std::shared_ptr<prometheus::Registry> registry_;

 public:
  // For series with other labels.
  const SeriesMaker make;

  // By the name in the configuration.
  SeriesByName<ModelMetrics> models;
  SeriesByName<EngineMetrics> engines;      // of models that are computed here
  SeriesByName<ProviderMetrics> providers;  // of those that are hosted

  // Of calls that failed before a model was found, and of those that are about none.
  CallsByMethod calls_without_model;
  ShedMetrics shed_without_model;

  // The file of keys may change without end; more tenants than these are counted together, under a
  // name that none can have.
  static constexpr size_t kMostTenants = 1000;
  static constexpr std::string_view kOtherTenants = "(others)";
  SeriesOfFirstNames<TenantMetrics, kMostTenants> tenants;
};

}  // namespace rerankd
