#include "eval.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "output.h"
#include "progress_bar.h"
#include "util/status_macros.h"

namespace rerankd::client {
namespace {

using Clock = std::chrono::steady_clock;

absl::StatusOr<std::ifstream> Open(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return absl::InvalidArgumentError(
        fmt::format("{}: {}", path, std::generic_category().message(errno)));
  }
  return in;
}

absl::StatusOr<RerankAnswer> CallPatiently(Client& client, const JudgedQuery& query,
                                           const RerankOptions& options,
                                           std::chrono::milliseconds deadline) {
  const auto give_up = Clock::now() + deadline;
  while (true) {
    auto answer = client.Rerank(query.text, query.documents, options);
    if (answer.ok()) return answer;
    const std::optional<std::chrono::milliseconds> pause = DetailsOf(answer.status()).retry_after;
    if (!pause.has_value() || Clock::now() + *pause >= give_up) return answer;
    std::this_thread::sleep_for(*pause);
  }
}

std::string Number(const std::optional<double>& value, int decimals) {
  return value.has_value() ? fmt::format("{:.{}f}", *value, decimals) : "-";
}

size_t NameColumns(const std::vector<EvalRow>& rows) {
  size_t columns = std::string_view("model").size();
  for (const EvalRow& row : rows) columns = std::max(columns, TextColumns(row.model));
  return columns;
}

std::string Padded(const std::string& name, size_t columns) {
  const std::string shown = FitColumns(name, columns);
  return shown + std::string(columns - std::min(columns, TextColumns(shown)), ' ');
}

nlohmann::ordered_json JsonNumber(const std::optional<double>& value) {
  return value.has_value() ? nlohmann::ordered_json(*value) : nlohmann::ordered_json(nullptr);
}

}  // namespace

absl::StatusOr<JudgedSet> LoadJudgedSet(const EvalArguments& arguments) {
  const size_t max_documents =
      arguments.max_documents > 0 ? arguments.max_documents : std::numeric_limits<size_t>::max();
  JudgedSet set;
  RERANKD_ASSIGN_OR_RETURN(std::ifstream data, Open(arguments.data));
  RERANKD_ASSIGN_OR_RETURN(set.queries, ReadJudgedQueries(data, max_documents, arguments.data));
  RERANKD_ASSIGN_OR_RETURN(std::ifstream qrels, Open(arguments.qrels));
  RERANKD_ASSIGN_OR_RETURN(set.judgments, ReadJudgments(qrels, arguments.qrels));
  if (CountJudged(set) == 0) {
    return absl::InvalidArgumentError(
        fmt::format("{}: has no judgment with a grade above 0 of any query in {}", arguments.qrels,
                    arguments.data));
  }
  return set;
}

std::vector<std::string> DistinctModels(const std::vector<std::string>& names,
                                        const std::vector<Model>& served) {
  std::map<std::string, std::string> owners;  // of names and aliases
  for (const Model& model : served) {
    owners[model.name] = model.name;
    for (const std::string& alias : model.aliases) owners[alias] = model.name;
  }
  std::set<std::string> seen;
  std::vector<std::string> distinct;
  for (const std::string& name : names) {
    const auto owner = owners.find(name);
    if (seen.insert(owner == owners.end() ? name : owner->second).second) distinct.push_back(name);
  }
  return distinct;
}

ModelRun EvaluateModel(Client& client, const std::string& model, const JudgedSet& set,
                       size_t concurrency, std::chrono::milliseconds deadline, size_t columns) {
  ProgressBar bar(columns, isatty(STDERR_FILENO) != 0);
  const RerankOptions options{.model = model};
  ModelRun run = RunQueries(
      set.queries, concurrency,
      [&](const JudgedQuery& query) { return CallPatiently(client, query, options, deadline); },
      [&](size_t done) {
        const size_t all = set.queries.size();
        bar.Update(static_cast<double>(done) / static_cast<double>(all),
                   fmt::format("{}/{} queries{}{}", done, all, model.empty() ? "" : ", ", model));
      });
  bar.Clear();
  if (run.model.empty()) run.model = model.empty() ? "(default)" : model;
  return run;
}

std::string RunFileOf(const EvalArguments& arguments, const std::string& model) {
  if (arguments.models.size() <= 1) return arguments.run_file;
  std::string suffix = model;
  std::replace(suffix.begin(), suffix.end(), '/', '_');
  return fmt::format("{}.{}", arguments.run_file, suffix);
}

absl::Status WriteRunFile(const std::string& path, const JudgedSet& set, const ModelRun& run) {
  std::ofstream out(path, std::ios::binary);
  WriteRun(set.queries, run, out);
  out.close();
  if (!out) {
    return absl::InvalidArgumentError(
        fmt::format("{}: {}", path, std::generic_category().message(errno)));
  }
  return absl::OkStatus();
}

std::string EvalTable(const std::vector<EvalRow>& rows) {
  const size_t columns = NameColumns(rows);
  std::string out = fmt::format("{}  {:>7}  {:>7}  {:>9}  {:>9}  {:>6}\n", Padded("model", columns),
                                "nDCG@10", "MRR@10", "p50 ms", "p99 ms", "errors");
  for (const EvalRow& row : rows) {
    out +=
        fmt::format("{}  {:>7}  {:>7}  {:>9}  {:>9}  {:>6}\n", Padded(row.model, columns),
                    Number(row.ndcg, 4), Number(row.reciprocal_rank, 4),
                    Number(row.p50_milliseconds, 1), Number(row.p99_milliseconds, 1), row.errors);
  }
  return out;
}

std::string EvalPlot(const std::vector<EvalRow>& rows, size_t columns) {
  constexpr size_t kMinBar = 10;
  constexpr size_t kEighths = 8;
  constexpr const char* kParts[kEighths] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const size_t name_columns = NameColumns(rows);
  const size_t used = name_columns + 2 + 6 + 2;  // the figure, and the gaps
  const size_t width = columns > used + kMinBar ? columns - used : kMinBar;
  std::string out = fmt::format("{}  nDCG@10\n", std::string(name_columns, ' '));
  for (const EvalRow& row : rows) {
    const auto eighths =
        static_cast<size_t>(row.ndcg.value_or(0) * static_cast<double>(width * kEighths));
    out += fmt::format("{}  {:>6}  ", Padded(row.model, name_columns), Number(row.ndcg, 4));
    for (size_t i = 0; i < eighths / kEighths; ++i) out += "█";
    out += kParts[eighths % kEighths];
    out += '\n';
  }
  return out;
}

nlohmann::ordered_json EvalJson(const JudgedSet& set, const std::vector<EvalRow>& rows) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const EvalRow& row : rows) {
    list.push_back({{"model", row.model},
                    {"ndcg_at_10", JsonNumber(row.ndcg)},
                    {"mrr_at_10", JsonNumber(row.reciprocal_rank)},
                    {"p50_ms", JsonNumber(row.p50_milliseconds)},
                    {"p99_ms", JsonNumber(row.p99_milliseconds)},
                    {"errors", row.errors}});
  }
  return {{"queries", set.queries.size()},
          {"judged_queries", CountJudged(set)},
          {"rows", std::move(list)}};
}

}  // namespace rerankd::client
