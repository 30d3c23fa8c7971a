// rerankctl top: what each model does now, from the difference between two looks at the metrics.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "metrics_page.h"

namespace rerankd::client {

struct ModelLoad {
  std::string model;
  std::string state;  // "ready", …; empty: unknown
  double calls_per_second = 0;
  double failed_per_second = 0;  // of those, what was not OK
  double shed_per_second = 0;    // of those, what was refused for want of room
  double documents_per_second = 0;
  double tokens_per_second = 0;
  // Seconds, of calls that ended in between; interpolated in the server's buckets.
  std::optional<double> p50;
  std::optional<double> p99;
  // Of a model that is computed by the server itself.
  std::optional<double> queue_documents;
  std::optional<double> queue_limit;
  std::optional<double> sessions_busy;  // share of their time, 0 to 1
  std::optional<double> batch_fill;     // mean share of max_batch_tokens
};

struct ServerLoad {
  double seconds = 0;  // between the two looks
  double calls_in_progress = 0;
  double processors = 0;  // how many were in use
  double memory_bytes = 0;
  std::vector<ModelLoad> models;  // by name
};

// The value below which a share `q` of what a histogram counted lies; `buckets` are upper bounds
// and what was counted up to there, in order, the last one infinite. None: it counted nothing. What
// is above the last finite bound is taken to be it.
std::optional<double> HistogramQuantile(double q,
                                        const std::vector<std::pair<double, double>>& buckets);

// REQUIRES: seconds > 0. A counter that has become smaller began anew.
ServerLoad CompareLooks(const std::vector<MetricsSample>& before,
                        const std::vector<MetricsSample>& after, double seconds);

// A line for the server, then one a model.
std::string TopTable(const ServerLoad& load);
nlohmann::ordered_json TopJson(const ServerLoad& load);

// Where the page is: "host:port", and a URL without a path, stand for "http://host:port/metrics".
// INVALID_ARGUMENT: it is none of them.
absl::StatusOr<std::string> MetricsUrl(std::string_view address);

// Looks at the page. Errors name it: UNAVAILABLE when nobody answers or the answer is none of ours.
absl::StatusOr<std::vector<MetricsSample>> LookAtMetrics(const std::string& url);

}  // namespace rerankd::client
