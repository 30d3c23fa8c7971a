#include "pull.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <utility>

#include "hub/model_hub.h"
#include "hub/progress.h"
#include "progress_bar.h"
#include "util/clock.h"
#include "util/environment.h"

namespace rerankd::client {
namespace {

// Draws the progress of a download; the time counts from the first call on.
class PullBar {
 public:
  explicit PullBar(size_t columns) : bar_(columns, /*terminal=*/true) {}

  void Update(const HubProgress& progress) {
    const TimePoint now = std::chrono::steady_clock::now();
    if (!start_.has_value()) start_ = now;
    if (progress.total_files == 0) return;
    const bool done = progress.done_files == progress.total_files;
    bar_.Update(done ? 1 : std::min(Fraction(progress), 0.999),
                ProgressText(progress, now - *start_));
  }
  void Say(const std::string& message) { bar_.Say(message); }
  void Keep() const { bar_.Keep(); }

 private:
  ProgressBar bar_;
  std::optional<TimePoint> start_;
};

}  // namespace

absl::StatusOr<HubOptions> PullOptions(const PullArguments& arguments) {
  const auto lookup = [&](const std::string& name) -> std::optional<std::string> {
    if (name == "HF_ENDPOINT" && !arguments.endpoint.empty()) return arguments.endpoint;
    if (name == "HF_HUB_CACHE" && !arguments.cache_dir.empty()) return arguments.cache_dir;
    return ProcessVariable(name);
  };
  return HubOptionsFromEnvironment(lookup);
}

absl::StatusOr<std::filesystem::path> Pull(const ModelId& id, HubOptions options, bool quiet,
                                           size_t columns) {
  ModelHub hub(std::move(options));
  if (quiet) return hub.Resolve(id);
  if (isatty(STDERR_FILENO) == 0) {
    return hub.Resolve(id, LoggingObserver([](const std::string& line) {
                         std::fputs((line + "\n").c_str(), stderr);
                       }));
  }
  PullBar bar(columns);
  auto folder =
      hub.Resolve(id, {.on_progress = [&](const HubProgress& progress) { bar.Update(progress); },
                       .on_message = [&](const std::string& message) { bar.Say(message); }});
  bar.Keep();
  return folder;
}

}  // namespace rerankd::client
