#include "metrics_page.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

#include "util/status_macros.h"

namespace rerankd::client {
namespace {

constexpr std::string_view kBlanks = " \t";

// Reads one line from left to right.
class Line {
 public:
  explicit Line(std::string_view text) : rest_(text) {}

  void SkipBlanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlanks), rest_.size()));
  }
  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Up to the first of `ends`, or to the end of the line.
  std::string_view TakeUntil(std::string_view ends) {
    const std::string_view taken = rest_.substr(0, rest_.find_first_of(ends));
    rest_.remove_prefix(taken.size());
    return taken;
  }
  // What is between quotes, the first of which was taken.
  std::optional<std::string> TakeQuoted() {
    std::string text;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return text;
      if (c != '\\') {
        text += c;
        continue;
      }
      if (rest_.empty()) return std::nullopt;
      text += rest_.front() == 'n' ? '\n' : rest_.front();
      rest_.remove_prefix(1);
    }
    return std::nullopt;
  }

 private:
  std::string_view rest_;
};

std::optional<double> ParseValue(std::string_view word) {
  const std::string text(word);
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);  // knows NaN and +Inf
  if (text.empty() || *end != 0) return std::nullopt;
  return value;
}

std::optional<MetricsSample> ParseSample(std::string_view text) {
  Line line(text);
  MetricsSample sample;
  line.SkipBlanks();
  sample.name = line.TakeUntil("{ \t");
  line.SkipBlanks();
  if (sample.name.empty()) return std::nullopt;
  if (line.Take('{')) {
    for (line.SkipBlanks(); !line.Take('}'); line.SkipBlanks()) {
      const std::string name(line.TakeUntil("=} \t"));
      line.SkipBlanks();
      if (name.empty() || !line.Take('=')) return std::nullopt;
      line.SkipBlanks();
      if (!line.Take('"')) return std::nullopt;
      std::optional<std::string> value = line.TakeQuoted();
      if (!value.has_value()) return std::nullopt;
      sample.labels[name] = *std::move(value);
      line.SkipBlanks();
      line.Take(',');
    }
    line.SkipBlanks();
  }
  const std::optional<double> value = ParseValue(line.TakeUntil(kBlanks));
  if (!value.has_value()) return std::nullopt;
  sample.value = *value;
  return sample;
}

}  // namespace

absl::StatusOr<std::vector<MetricsSample>> ParseMetricsPage(std::string_view text) {
  std::vector<MetricsSample> samples;
  for (size_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const size_t begin = line.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos || line[begin] == '#') continue;
    std::optional<MetricsSample> sample = ParseSample(line);
    if (!sample.has_value()) {
      return absl::InvalidArgumentError(
          fmt::format("line {} is no metric: {}", number, line.substr(0, 80)));
    }
    samples.push_back(*std::move(sample));
  }
  return samples;
}

}  // namespace rerankd::client
