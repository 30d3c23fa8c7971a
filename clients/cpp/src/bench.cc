#include "bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace rerankd::client {
namespace {

constexpr size_t kOpenLoopConcurrency = 64;

constexpr std::pair<const char*, double> kShares[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}, {"p99.9", 0.999}};

constexpr const char* kWords[] = {
    "the",   "river", "house", "light", "of",     "a",     "stone", "tree", "water", "small",
    "green", "and",   "night", "in",    "market", "paper", "to",    "bird", "road",  "old",
    "wind",  "city",  "glass", "on",    "winter", "field", "horse", "is",   "ship",  "song"};

double Milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

double PerSecond(size_t count, std::chrono::nanoseconds elapsed) {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

std::string NameOf(absl::StatusCode code) { return absl::StatusCodeToString(code); }

}  // namespace

BenchRequest GeneratedRequest(size_t documents, size_t words) {
  uint64_t state = 1;
  const auto next_word = [&state] {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return kWords[(state >> 33) % std::size(kWords)];
  };
  BenchRequest request;
  request.query = "which old house is on the river road?";
  for (size_t i = 0; i < documents; ++i) {
    std::string& text = request.documents.emplace_back(next_word());
    for (size_t word = 1; word < words; ++word) text.append(" ").append(next_word());
  }
  return request;
}

LoadOptions LoadOptionsOf(const BenchArguments& arguments) {
  LoadOptions options{.rate = arguments.rate, .concurrency = arguments.concurrency};
  if (options.concurrency == 0) {
    options.concurrency = arguments.rate.has_value() ? kOpenLoopConcurrency : 1;
  }
  options.calls = arguments.calls;
  if (options.calls == 0) {
    options.duration = std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::duration<double>(arguments.seconds));
  }
  return options;
}

double BenchFraction(const LoadOptions& options, size_t done, std::chrono::nanoseconds elapsed) {
  const double part = options.calls > 0
                          ? static_cast<double>(done) / static_cast<double>(options.calls)
                          : std::chrono::duration<double>(elapsed) / options.duration;
  return std::clamp(part, 0.0, 1.0);
}

std::string BenchTable(const LoadOptions& options, size_t documents, const LoadResult& result,
                       bool interrupted) {
  const size_t answered = result.latency.count();
  const std::string loop =
      options.rate.has_value()
          ? fmt::format("open loop, {:g} calls/s, times from when a call was due", *options.rate)
          : fmt::format("closed loop, {} at a time", options.concurrency);
  std::string out = fmt::format("{}; {} documents a call{}\n", loop, documents,
                                interrupted ? "; interrupted" : "");
  out += fmt::format(
      "{} answered, {} failed in {:.2f} s: {:.2f} calls/s, {:.1f} documents/s\n", answered,
      result.failed(), std::chrono::duration<double>(result.elapsed).count(),
      PerSecond(answered, result.elapsed), PerSecond(answered * documents, result.elapsed));
  for (const auto& [code, count] : result.errors) {
    out += fmt::format("  {} of them {}\n", count, NameOf(code));
  }
  if (answered > 0) {
    std::string header = fmt::format("{:>4}", "ms");
    std::string row = fmt::format("{:>4}", "");
    const auto column = [&](const char* name, std::chrono::nanoseconds time) {
      header += fmt::format(" {:>9}", name);
      row += fmt::format(" {:>9.2f}", Milliseconds(time));
    };
    column("mean", result.latency.mean());
    for (const auto& [name, share] : kShares) column(name, result.latency.AtShare(share));
    column("max", result.latency.max());
    out += header + "\n" + row + "\n";
  }
  if (options.rate.has_value() && result.longest_delay > std::chrono::milliseconds(10)) {
    out += fmt::format(
        "a call was sent {:.0f} ms after it was due: all {} callers were waiting for answers\n",
        Milliseconds(result.longest_delay), options.concurrency);
  }
  return out;
}

nlohmann::ordered_json BenchJson(const LoadOptions& options, size_t documents,
                                 const LoadResult& result, bool interrupted) {
  const size_t answered = result.latency.count();
  nlohmann::ordered_json latency = {{"mean", Milliseconds(result.latency.mean())}};
  for (const auto& [name, share] : kShares) {
    latency[name] = Milliseconds(result.latency.AtShare(share));
  }
  latency["max"] = Milliseconds(result.latency.max());
  nlohmann::ordered_json errors = nlohmann::ordered_json::object();
  for (const auto& [code, count] : result.errors) errors[NameOf(code)] = count;
  return {{"loop", options.rate.has_value() ? "open" : "closed"},
          {"rate", options.rate.has_value() ? nlohmann::ordered_json(*options.rate)
                                            : nlohmann::ordered_json(nullptr)},
          {"concurrency", options.concurrency},
          {"documents_per_call", documents},
          {"interrupted", interrupted},
          {"answered", answered},
          {"failed", result.failed()},
          {"errors", std::move(errors)},
          {"elapsed_s", std::chrono::duration<double>(result.elapsed).count()},
          {"calls_per_s", PerSecond(answered, result.elapsed)},
          {"documents_per_s", PerSecond(answered * documents, result.elapsed)},
          {"latency_ms", answered > 0 ? std::move(latency) : nlohmann::ordered_json(nullptr)},
          {"longest_send_delay_ms", Milliseconds(result.longest_delay)}};
}

}  // namespace rerankd::client
