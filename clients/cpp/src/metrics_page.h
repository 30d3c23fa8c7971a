// What a server prints for Prometheus, read.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace rerankd::client {

struct MetricsSample {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;  // may be NaN or infinite
};

// In the order of the page; comments and timestamps are skipped. INVALID_ARGUMENT names the line
// that is none of the text format.
absl::StatusOr<std::vector<MetricsSample>> ParseMetricsPage(std::string_view text);

}  // namespace rerankd::client
