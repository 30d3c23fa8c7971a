#include "observability/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <system_error>

namespace rerankd {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

std::string ReadAll(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// When the machine started, in seconds since the epoch.
std::optional<double> BootTime() {
  std::ifstream file("/proc/stat");
  std::string word;
  while (file >> word) {
    double seconds = 0;
    if (word == "btime" && file >> seconds) return seconds;
    std::getline(file, word);
  }
  return std::nullopt;
}

std::optional<double> OpenFiles() {
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  if (error) return std::nullopt;
  // Without the one that this very look has opened.
  return static_cast<double>(std::distance(begin(files), end(files))) - 1;
}

}  // namespace

MetricFamily OneValue(const std::string& name, const std::string& help, MetricType type,
                      double value) {
  MetricFamily family{name, help, type, {}};
  prometheus::ClientMetric metric;
  if (type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family.metric.push_back(std::move(metric));
  return family;
}

absl::StatusOr<ProcessStat> ParseProcessStat(std::string_view text, uint64_t ticks_per_second,
                                             uint64_t page_bytes) {
  // The program's name, the second value, may hold blanks and brackets.
  const size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return absl::InvalidArgumentError("no name");
  std::istringstream values{std::string(text.substr(name_end + 1))};
  std::vector<std::string> fields{std::istream_iterator<std::string>(values), {}};
  // By proc(5), of which the first here is number 3.
  const auto number = [&](size_t field) -> std::optional<uint64_t> {
    if (field - 3 >= fields.size()) return std::nullopt;
    const std::string& digits = fields[field - 3];
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
  };
  const auto user = number(14);
  const auto system = number(15);
  const auto start = number(22);
  const auto virtual_bytes = number(23);
  const auto resident_pages = number(24);
  if (!user || !system || !start || !virtual_bytes || !resident_pages || ticks_per_second == 0) {
    return absl::InvalidArgumentError("a value is missing");
  }
  return ProcessStat{
      .cpu_seconds = static_cast<double>(*user + *system) / static_cast<double>(ticks_per_second),
      .start_ticks = *start,
      .virtual_memory_bytes = *virtual_bytes,
      .resident_memory_bytes = *resident_pages * page_bytes};
}

std::vector<MetricFamily> ProcessMetrics::Collect() const {
  std::vector<MetricFamily> families;
  const auto ticks = static_cast<uint64_t>(std::max(1L, sysconf(_SC_CLK_TCK)));
  const auto page = static_cast<uint64_t>(std::max(1L, sysconf(_SC_PAGESIZE)));
  const auto stat = ParseProcessStat(ReadAll("/proc/self/stat"), ticks, page);
  if (stat.ok()) {
    families.push_back(OneValue("process_cpu_seconds_total",
                                "Processor time that the process has used, user and system.",
                                MetricType::Counter, stat->cpu_seconds));
    families.push_back(OneValue("process_resident_memory_bytes",
                                "Memory of the process that is in RAM.", MetricType::Gauge,
                                static_cast<double>(stat->resident_memory_bytes)));
    families.push_back(OneValue("process_virtual_memory_bytes", "Its address space.",
                                MetricType::Gauge,
                                static_cast<double>(stat->virtual_memory_bytes)));
    if (const auto boot = BootTime()) {
      families.push_back(
          OneValue("process_start_time_seconds", "When it started, in seconds since the epoch.",
                   MetricType::Gauge,
                   *boot + static_cast<double>(stat->start_ticks) / static_cast<double>(ticks)));
    }
  }
  if (const auto files = OpenFiles()) {
    families.push_back(
        OneValue("process_open_fds", "File descriptors that are open.", MetricType::Gauge, *files));
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    families.push_back(OneValue("process_max_fds", "The most that may be.", MetricType::Gauge,
                                static_cast<double>(limit.rlim_cur)));
  }
  return families;
}

}  // namespace rerankd
