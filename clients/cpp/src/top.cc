#include "top.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <set>

#include "http/curl_http_client.h"
#include "http/url.h"
#include "util/status_macros.h"

namespace rerankd::client {
namespace {

using Labels = std::map<std::string, std::string>;

bool Has(const MetricsSample& sample, const Labels& labels) {
  return std::ranges::all_of(labels, [&](const auto& wanted) {
    const auto found = sample.labels.find(wanted.first);
    return found != sample.labels.end() && found->second == wanted.second;
  });
}

// Two looks at the same page.
class Looks {
 public:
  Looks(const std::vector<MetricsSample>& before, const std::vector<MetricsSample>& after)
      : after_(after) {
    for (const MetricsSample& sample : before) before_[{sample.name, sample.labels}] = sample.value;
  }

  // By how much the counters with these labels have grown together.
  double Grown(std::string_view name, const Labels& labels) const {
    double sum = 0;
    for (const MetricsSample& sample : after_) {
      if (sample.name == name && Has(sample, labels)) sum += Grown(sample);
    }
    return sum;
  }

  std::optional<double> Now(std::string_view name, const Labels& labels = {}) const {
    for (const MetricsSample& sample : after_) {
      if (sample.name == name && Has(sample, labels)) return sample.value;
    }
    return std::nullopt;
  }

  std::vector<std::pair<double, double>> GrownBuckets(const std::string& histogram,
                                                      const Labels& labels) const {
    std::map<double, double> buckets;
    for (const MetricsSample& sample : after_) {
      if (sample.name != histogram + "_bucket" || !Has(sample, labels)) continue;
      const auto le = sample.labels.find("le");
      if (le == sample.labels.end()) continue;
      buckets[std::strtod(le->second.c_str(), nullptr)] += Grown(sample);
    }
    return {buckets.begin(), buckets.end()};
  }

  // The mean of what a histogram counted in between.
  std::optional<double> GrownMean(const std::string& histogram, const Labels& labels) const {
    const double count = Grown(histogram + "_count", labels);
    if (count <= 0) return std::nullopt;
    return Grown(histogram + "_sum", labels) / count;
  }

  std::set<std::string> Models() const {
    std::set<std::string> models;
    for (const MetricsSample& sample : after_) {
      const auto model = sample.labels.find("model");
      if (sample.name == "rerankd_model_state" && model != sample.labels.end()) {
        models.insert(model->second);
      }
    }
    return models;
  }

  std::string StateOf(const std::string& model) const {
    for (const MetricsSample& sample : after_) {
      const auto state = sample.labels.find("state");
      if (sample.name == "rerankd_model_state" && sample.value == 1 &&
          Has(sample, {{"model", model}}) && state != sample.labels.end()) {
        return state->second;
      }
    }
    return "";
  }

 private:
  double Grown(const MetricsSample& sample) const {
    const auto found = before_.find({sample.name, sample.labels});
    if (found == before_.end() || found->second > sample.value) return sample.value;
    return sample.value - found->second;
  }

  std::map<std::pair<std::string, Labels>, double> before_;
  const std::vector<MetricsSample>& after_;
};

ModelLoad LoadOf(const std::string& model, const Looks& looks, double seconds) {
  const Labels labels = {{"model", model}};
  const Labels rerank = {{"model", model}, {"method", "Rerank"}};
  const Labels good = {{"model", model}, {"method", "Rerank"}, {"code", "OK"}};
  ModelLoad load;
  load.model = model;
  load.state = looks.StateOf(model);
  const double calls = looks.Grown("rerankd_calls_total", rerank);
  load.calls_per_second = calls / seconds;
  load.failed_per_second = (calls - looks.Grown("rerankd_calls_total", good)) / seconds;
  load.shed_per_second = looks.Grown("rerankd_shed_calls_total", labels) / seconds;
  load.documents_per_second = looks.Grown("rerankd_call_documents_sum", labels) / seconds;
  load.tokens_per_second = looks.Grown("rerankd_tokens_total", labels) / seconds;
  const auto latencies = looks.GrownBuckets("rerankd_call_duration_seconds", rerank);
  load.p50 = HistogramQuantile(0.5, latencies);
  load.p99 = HistogramQuantile(0.99, latencies);
  load.queue_documents = looks.Now("rerankd_queue_documents", labels);
  load.queue_limit = looks.Now("rerankd_queue_documents_limit", labels);
  if (const auto sessions = looks.Now("rerankd_sessions", labels); sessions.value_or(0) > 0) {
    const double busy = looks.Grown("rerankd_batch_duration_seconds_sum", labels);
    load.sessions_busy = std::min(1.0, busy / seconds / *sessions);
  }
  load.batch_fill = looks.GrownMean("rerankd_batch_fill_ratio", labels);
  return load;
}

std::string Milliseconds(std::optional<double> seconds) {
  if (!seconds.has_value()) return "-";
  return fmt::format("{:.{}f}", *seconds * 1000, *seconds < 0.1 ? 1 : 0);
}

std::string Percent(std::optional<double> share) {
  return share.has_value() ? fmt::format("{:.0f}%", *share * 100) : "-";
}

// 1234567 as 1.23M.
std::string Short(double value) {
  constexpr std::pair<double, const char*> kUnits[] = {{1e9, "G"}, {1e6, "M"}, {1e4, "k"}};
  for (const auto& [size, unit] : kUnits) {
    const double one = size == 1e4 ? 1e3 : size;
    if (value >= size) return fmt::format("{:.3g}{}", value / one, unit);
  }
  return fmt::format("{:.{}f}", value, value < 10 && value != std::floor(value) ? 1 : 0);
}

nlohmann::ordered_json Json(std::optional<double> value) {
  return value.has_value() ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
}

}  // namespace

std::optional<double> HistogramQuantile(double q,
                                        const std::vector<std::pair<double, double>>& buckets) {
  if (buckets.empty() || buckets.back().second <= 0) return std::nullopt;
  const double rank = q * buckets.back().second;
  double lower = 0;
  double below = 0;
  for (const auto& [upper, count] : buckets) {
    if (count >= rank && count > below) {
      if (!std::isfinite(upper)) return lower;
      return lower + (upper - lower) * (rank - below) / (count - below);
    }
    lower = upper;
    below = count;
  }
  return lower;
}

ServerLoad CompareLooks(const std::vector<MetricsSample>& before,
                        const std::vector<MetricsSample>& after, double seconds) {
  const Looks looks(before, after);
  ServerLoad load;
  load.seconds = seconds;
  load.calls_in_progress = looks.Now("rerankd_calls_in_progress").value_or(0);
  load.processors = looks.Grown("process_cpu_seconds_total", {}) / seconds;
  load.memory_bytes = looks.Now("process_resident_memory_bytes").value_or(0);
  for (const std::string& model : looks.Models()) {
    load.models.push_back(LoadOf(model, looks, seconds));
  }
  return load;
}

std::string TopTable(const ServerLoad& load) {
  std::string table = fmt::format(
      "{:.0f} calls in progress, {:.1f} processors, {:.0f} MiB; the last {:.1f} s\n\n",
      load.calls_in_progress, load.processors, load.memory_bytes / (1 << 20), load.seconds);
  size_t width = 5;
  for (const ModelLoad& model : load.models) width = std::max(width, model.model.size());
  constexpr std::string_view kForm =
      "{:<{}}  {:<10}  {:>7}  {:>6}  {:>6}  {:>7}  {:>8}  {:>7}  {:>7}  {:>15}  {:>5}  {:>5}\n";
  table += fmt::format(fmt::runtime(kForm), "MODEL", width, "STATE", "CALLS/S", "FAILED", "SHED",
                       "DOCS/S", "TOKENS/S", "P50 MS", "P99 MS", "QUEUE", "BUSY", "FILL");
  for (const ModelLoad& model : load.models) {
    const std::string queue = model.queue_documents.has_value()
                                  ? fmt::format("{}/{}", Short(*model.queue_documents),
                                                Short(model.queue_limit.value_or(0)))
                                  : "-";
    table += fmt::format(
        fmt::runtime(kForm), model.model, width, model.state, Short(model.calls_per_second),
        Short(model.failed_per_second), Short(model.shed_per_second),
        Short(model.documents_per_second), Short(model.tokens_per_second), Milliseconds(model.p50),
        Milliseconds(model.p99), queue, Percent(model.sessions_busy), Percent(model.batch_fill));
  }
  return table;
}

nlohmann::ordered_json TopJson(const ServerLoad& load) {
  nlohmann::ordered_json models = nlohmann::ordered_json::array();
  for (const ModelLoad& model : load.models) {
    models.push_back({{"model", model.model},
                      {"state", model.state},
                      {"calls_per_second", model.calls_per_second},
                      {"failed_per_second", model.failed_per_second},
                      {"shed_per_second", model.shed_per_second},
                      {"documents_per_second", model.documents_per_second},
                      {"tokens_per_second", model.tokens_per_second},
                      {"p50_seconds", Json(model.p50)},
                      {"p99_seconds", Json(model.p99)},
                      {"queue_documents", Json(model.queue_documents)},
                      {"queue_documents_limit", Json(model.queue_limit)},
                      {"sessions_busy_ratio", Json(model.sessions_busy)},
                      {"batch_fill_ratio", Json(model.batch_fill)}});
  }
  return {{"seconds", load.seconds},
          {"calls_in_progress", load.calls_in_progress},
          {"processors", load.processors},
          {"memory_bytes", load.memory_bytes},
          {"models", std::move(models)}};
}

absl::StatusOr<std::string> MetricsUrl(std::string_view address) {
  constexpr std::string_view kSchemeEnd = "://";
  if (address.empty()) return absl::InvalidArgumentError("is empty; give host:port, or a URL");
  std::string url(address);
  if (url.find(kSchemeEnd) == std::string::npos) url.insert(0, "http://");
  const size_t host = url.find(kSchemeEnd) + kSchemeEnd.size();
  const size_t path = url.find_first_of("/?#", host);
  if (host == url.size()) {
    // No host; curl would take what comes after it for one.
  } else if (path == std::string::npos) {
    url += "/metrics";
  } else if (url.substr(path) == "/") {
    url += "metrics";
  }
  RERANKD_RETURN_IF_ERROR(ParseUrl(url).status());
  return url;
}

absl::StatusOr<std::vector<MetricsSample>> LookAtMetrics(const std::string& url) {
  CurlHttpClient client({.user_agent = "rerankctl"});
  RERANKD_ASSIGN_OR_RETURN(
      const HttpResponse response,
      client.Send({.url = url, .total_timeout = std::chrono::seconds(10)}, nullptr, {}));
  const auto unusable = [&](std::string_view why) {
    return absl::UnavailableError(fmt::format("{} {}", url, why));
  };
  if (response.status != 200) return unusable(fmt::format("answers {}", response.status));
  auto samples = ParseMetricsPage(response.body);
  if (!samples.ok()) {
    return unusable(fmt::format("has no metrics: {}", std::string(samples.status().message())));
  }
  const bool ours = std::ranges::any_of(
      *samples, [](const MetricsSample& sample) { return sample.name == "rerankd_build_info"; });
  if (!ours) return unusable("has no metrics of rerankd");
  return samples;
}

}  // namespace rerankd::client
