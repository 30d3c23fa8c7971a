#include "hub/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

namespace rerankd {
namespace {

std::string Bytes(double bytes) {
  constexpr std::array kUnits = {"B", "kB", "MB", "GB", "TB"};
  size_t unit = 0;
  while (bytes >= 999.5 && unit + 1 < kUnits.size()) {
    bytes /= 1000;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", bytes, unit == 0 || bytes >= 99.5 ? 0 : 1, kUnits[unit]);
}

std::string Time(double seconds) {
  const auto whole = std::llround(seconds);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace

double Fraction(const HubProgress& progress) {
  if (progress.total_bytes == 0) return progress.done_files == progress.total_files ? 1 : 0;
  return std::min(
      1.0, static_cast<double>(progress.done_bytes) / static_cast<double>(progress.total_bytes));
}

std::string ProgressText(const HubProgress& progress, Duration elapsed) {
  std::string text = fmt::format(
      "{} of {} ({:.0f} %), {} of {} files", Bytes(static_cast<double>(progress.done_bytes)),
      Bytes(static_cast<double>(progress.total_bytes)), Fraction(progress) * 100,
      progress.done_files, progress.total_files);
  const double seconds = std::chrono::duration<double>(elapsed).count();
  const uint64_t fetched =
      progress.done_bytes - std::min(progress.done_bytes, progress.reused_bytes);
  if (seconds <= 0 || fetched == 0) return text;
  const double speed = static_cast<double>(fetched) / seconds;
  text += fmt::format(", {}/s", Bytes(speed));
  if (progress.done_bytes < progress.total_bytes) {
    const auto left = static_cast<double>(progress.total_bytes - progress.done_bytes);
    text += fmt::format(", {} left", Time(left / speed));
  }
  return text;
}

HubObserver LoggingObserver(std::function<void(const std::string&)> log,
                            std::chrono::seconds interval) {
  struct State {
    std::function<void(const std::string&)> log;
    std::optional<TimePoint> start;
    TimePoint last;
  };
  auto state = std::make_shared<State>(State{.log = std::move(log)});
  return {.on_progress =
              [state, interval](const HubProgress& progress) {
                const TimePoint now = std::chrono::steady_clock::now();
                if (!state->start.has_value()) state->start = state->last = now;
                if (now - state->last < interval) return;
                state->last = now;
                state->log(ProgressText(progress, now - *state->start));
              },
          .on_message = [state](const std::string& message) { state->log(message); }};
}

}  // namespace rerankd
