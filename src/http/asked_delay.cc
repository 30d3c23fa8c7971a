#include "http/asked_delay.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr double kYearMs = 365.0 * 24 * 3600 * 1000;

// A number of `unit`s, rounded up to milliseconds: no sooner than what was asked.
std::optional<milliseconds> Number(std::string_view text, double unit_ms, bool whole_text) {
  // Not "inf", "1e3" or "-0".
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (whole_text && end != text.data() + text.size()) return std::nullopt;
  if (error != std::errc()) value = kYearMs;  // longer than a double can tell
  return milliseconds(static_cast<int64_t>(std::ceil(std::min(value * unit_ms, kYearMs))));
}

std::optional<absl::Time> Date(std::string_view text) {
  absl::Time date;
  std::string error;
  if (!absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", std::string(text), &date, &error)) {
    return std::nullopt;
  }
  return date;
}

milliseconds Between(absl::Time now, absl::Time date) {
  const double wait = std::clamp(absl::ToDoubleMilliseconds(date - now), 0.0, kYearMs);
  return milliseconds(static_cast<int64_t>(std::ceil(wait)));
}

// The number after ";NAME=" in a structured header field.
std::optional<milliseconds> Parameter(std::string_view text, std::string_view name) {
  const size_t at = text.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  return Number(text.substr(at + name.size()), 1000, false);
}

}  // namespace

std::optional<milliseconds> AskedDelay(const HttpResponse& response,
                                       std::optional<absl::Time> now) {
  if (const auto date = response.Header("Date"); !now.has_value() && date.has_value()) {
    now = Date(*date);
  }
  if (const auto value = response.Header("retry-after-ms"); value.has_value()) {
    if (const auto wait = Number(*value, 1, true); wait.has_value()) return wait;
  }
  if (const auto value = response.Header("Retry-After"); value.has_value()) {
    if (const auto wait = Number(*value, 1000, true); wait.has_value()) return wait;
    const auto date = Date(*value);
    if (date.has_value() && now.has_value()) return Between(*now, *date);
  }
  if (const auto value = response.Header("RateLimit"); value.has_value()) {
    if (Parameter(*value, ";r=") == seconds(0)) return Parameter(*value, ";t=");
  }
  return std::nullopt;
}

}  // namespace rerankd
