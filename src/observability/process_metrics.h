// What the process takes of the machine, as Prometheus clients name it by custom.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace rerankd {

struct ProcessStat {
  double cpu_seconds = 0;    // user and system
  uint64_t start_ticks = 0;  // since the machine started
  uint64_t virtual_memory_bytes = 0;
  uint64_t resident_memory_bytes = 0;
};

// Of the text of /proc/PID/stat. INVALID_ARGUMENT: it is none.
absl::StatusOr<ProcessStat> ParseProcessStat(std::string_view text, uint64_t ticks_per_second,
                                             uint64_t page_bytes);

// Looks at this process whenever it is asked. What the system does not tell is left out.
class ProcessMetrics : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override;
};

// A family of one series without labels.
prometheus::MetricFamily OneValue(const std::string& name, const std::string& help,
                                  prometheus::MetricType type, double value);

}  // namespace rerankd
