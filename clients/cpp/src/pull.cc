#include "pull.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>

#include "hub/model_hub.h"

namespace rerankd::client {
namespace {

constexpr std::chrono::milliseconds kRedrawInterval{100};
constexpr char kClearLine[] = "\r\033[K";

void Show(const std::string& text) {
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

// The bar is redrawn in place; messages go above it. Called by one thread at a time.
class Bar {
 public:
  explicit Bar(size_t columns) : columns_(columns) {}

  void Update(const HubProgress& progress) {
    const TimePoint now = std::chrono::steady_clock::now();
    if (!start_.has_value()) start_ = now;
    const bool done = progress.total_files > 0 && progress.done_files == progress.total_files;
    if (progress.total_files == 0 || (now - drawn_ < kRedrawInterval && !done)) return;
    drawn_ = now;
    Show(kClearLine + ProgressLine(progress, now - *start_, columns_));
  }
  void Say(const std::string& message) { Show(fmt::format("{}{}\n", kClearLine, message)); }
  void End() const {
    if (drawn_ != TimePoint()) Show("\n");
  }

 private:
  const size_t columns_;
  std::optional<TimePoint> start_;
  TimePoint drawn_;
};

}  // namespace

absl::StatusOr<HubOptions> PullOptions(const PullArguments& arguments) {
  const auto lookup = [&](const std::string& name) -> std::optional<std::string> {
    if (name == "HF_ENDPOINT" && !arguments.endpoint.empty()) return arguments.endpoint;
    if (name == "HF_HUB_CACHE" && !arguments.cache_dir.empty()) return arguments.cache_dir;
    const char* const value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  return HubOptionsFromEnvironment(lookup);
}

std::string ProgressLine(const HubProgress& progress, Duration elapsed, size_t columns) {
  constexpr size_t kMinBar = 10;
  constexpr size_t kMaxBar = 40;
  const std::string text = ProgressText(progress, elapsed);
  const size_t used = text.size() + 4;  // brackets, a space, and the last column, which would wrap
  if (columns < used + kMinBar) return text.substr(0, columns > 0 ? columns - 1 : 0);
  const size_t width = std::min(columns - used, kMaxBar);
  const auto full = static_cast<size_t>(Fraction(progress) * static_cast<double>(width));
  return fmt::format("[{}{}] {}", std::string(full, '#'), std::string(width - full, '.'), text);
}

absl::StatusOr<std::filesystem::path> Pull(const ModelId& id, HubOptions options, bool quiet,
                                           size_t columns) {
  ModelHub hub(std::move(options));
  if (quiet) return hub.Resolve(id);
  if (isatty(STDERR_FILENO) == 0) {
    return hub.Resolve(id, LoggingObserver([](const std::string& line) { Show(line + "\n"); }));
  }
  Bar bar(columns);
  auto folder =
      hub.Resolve(id, {.on_progress = [&](const HubProgress& progress) { bar.Update(progress); },
                       .on_message = [&](const std::string& message) { bar.Say(message); }});
  bar.End();
  return folder;
}

}  // namespace rerankd::client
