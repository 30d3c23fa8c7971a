#include "hub/retry_policy.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The digits that `text` begins with; an absurd number is cut to a year.
std::optional<seconds> LeadingSeconds(std::string_view text) {
  constexpr int64_t kYear = int64_t{365} * 24 * 3600;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range && !text.starts_with('-')) return seconds(kYear);
  if (error != std::errc() || value < 0) return std::nullopt;
  return seconds(std::min(value, kYear));
}

bool IsNumber(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<seconds> FromDate(std::string_view text, absl::Time now) {
  absl::Time date;
  std::string error;
  if (!absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", std::string(text), &date, &error)) {
    return std::nullopt;
  }
  return seconds(
      std::max<int64_t>(0, absl::ToInt64Seconds(absl::Ceil(date - now, absl::Seconds(1)))));
}

// The number after ";NAME=" in a structured header field.
std::optional<seconds> Parameter(std::string_view text, std::string_view name) {
  const size_t at = text.find(name);
  return at == std::string_view::npos ? std::nullopt
                                      : LeadingSeconds(text.substr(at + name.size()));
}

}  // namespace

bool IsTransient(int http_status) {
  return http_status == 408 || http_status == 429 || (http_status >= 500 && http_status <= 599);
}

bool IsTransient(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

std::optional<seconds> AskedDelay(const HttpResponse& response, absl::Time now) {
  if (const auto after = response.Header("Retry-After"); after.has_value()) {
    return IsNumber(*after) ? LeadingSeconds(*after) : FromDate(*after, now);
  }
  const auto limit = response.Header("RateLimit");
  if (!limit.has_value() || Parameter(*limit, ";r=") != seconds(0)) return std::nullopt;
  return Parameter(*limit, ";t=");
}

std::optional<milliseconds> NextDelay(const RetryPolicy& policy, int attempts,
                                      std::optional<seconds> asked, double random) {
  if (attempts >= policy.max_attempts) return std::nullopt;
  if (asked.has_value() && *asked > policy.max_asked_delay) return std::nullopt;
  milliseconds delay = policy.first_delay;
  for (int n = 1; n < attempts && delay < policy.max_delay; ++n) delay *= 2;
  delay = std::min(delay, policy.max_delay);
  delay -= milliseconds(static_cast<int64_t>(static_cast<double>(delay.count()) * random / 2));
  return asked.has_value() ? std::max<milliseconds>(delay, *asked) : delay;
}

}  // namespace rerankd
