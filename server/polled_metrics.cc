#include "server/polled_metrics.h"

#include <chrono>
#include <string>
#include <utility>

#include "observability/process_metrics.h"

namespace rerankd {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::pair<ModelState, const char*> kStates[] = {{ModelState::kNotLoaded, "not_loaded"},
                                                          {ModelState::kLoading, "loading"},
                                                          {ModelState::kReady, "ready"},
                                                          {ModelState::kFailed, "failed"},
                                                          {ModelState::kUnloading, "unloading"}};

ClientMetric Value(std::vector<ClientMetric::Label> labels, bool value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value ? 1 : 0;
  return metric;
}

}  // namespace

std::vector<MetricFamily> ModelStates::Collect() const {
  MetricFamily state{
      "rerankd_model_state", "1 for the state that the model is in.", MetricType::Gauge, {}};
  MetricFamily can_serve{"rerankd_model_can_serve",
                         "1 while a call to the model can be answered, as its health check says.",
                         MetricType::Gauge,
                         {}};
  for (const auto& model : catalog_.models()) {
    const ModelStatus status = model->status();
    for (const auto& [value, name] : kStates) {
      state.metric.push_back(
          Value({{"model", model->name()}, {"state", name}}, status.state == value));
    }
    can_serve.metric.push_back(Value({{"model", model->name()}}, status.can_serve));
  }
  return {std::move(state), std::move(can_serve)};
}

std::vector<MetricFamily> ServerLoad::Collect() const {
  return {OneValue("rerankd_calls_in_progress", "Calls that are not answered yet.",
                   MetricType::Gauge, static_cast<double>(server_.calls_in_progress())),
          OneValue("rerankd_calls_in_progress_limit",
                   "The most that may be (max_concurrent_requests); 0: any number.",
                   MetricType::Gauge, static_cast<double>(limit_))};
}

std::vector<MetricFamily> CertificateExpiry::Collect() const {
  const auto expires = tls_->Get(std::chrono::steady_clock::now())->expires.time_since_epoch();
  return {OneValue("rerankd_tls_certificate_expiry_timestamp_seconds",
                   "When the certificate of the server expires, in seconds since the epoch.",
                   MetricType::Gauge, std::chrono::duration<double>(expires).count())};
}

std::vector<MetricFamily> DroppedSpans::Collect() const {
  return {OneValue("rerankd_spans_dropped_total",
                   "Spans of traces that had no room, or that the collector did not take.",
                   MetricType::Counter, static_cast<double>(spans_->dropped()))};
}

}  // namespace rerankd
