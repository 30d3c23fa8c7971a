#include "server/model_loading.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "engine/local_reranker.h"
#include "hub/model_id.h"
#include "hub/progress.h"
#include "model/model_loader.h"
#include "server/logging_reranker.h"
#include "server/memory_warning.h"
#include "server/recorders.h"
#include "server/token_limits.h"
#include "tokenizer/tokenizer_factory.h"
#include "util/cpu.h"
#include "util/device_name.h"
#include "util/memory.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

using std::chrono::steady_clock;

// One small request a session: pages of the weights, memory pools and compiled kernels are then
// there before the first caller is. Within what the entry's own settings let a caller ask for.
absl::Status WarmUp(Reranker& reranker, const EngineOptions& engine) {
  const auto requests =
      std::min<size_t>(static_cast<size_t>(engine.sessions), engine.max_queued_documents);
  std::vector<std::future<absl::Status>> answers;
  for (size_t i = 0; i < requests; ++i) {
    auto answer = std::make_shared<std::promise<absl::Status>>();
    answers.push_back(answer->get_future());
    RerankRequest request;
    request.query = "Is everything ready?";
    request.documents = {"This document is read before the first caller comes."};
    request.truncation = Truncation::kOnlyDocument;
    reranker.Rerank(std::move(request), [answer](absl::StatusOr<RerankResult> result) {
      answer->set_value(std::move(result).status());
    });
  }
  absl::Status status;
  for (std::future<absl::Status>& answer : answers) status.Update(answer.get());
  return status;
}

// What the configuration alone tells.
ModelInfo InfoOf(const ModelEntry& entry) {
  return {.name = entry.name,
          .aliases = entry.aliases,
          .kind = entry.kind_name(),
          .device = entry.device,
          .precision = entry.precision,
          .default_score_kind = entry.score_kind,
          .default_truncation = entry.truncation};
}

absl::StatusOr<std::filesystem::path> FolderOf(const ModelEntry& entry, const LoadingTools& tools,
                                               const std::stop_token& stop) {
  if (entry.hub_id.empty()) return entry.path;
  RERANKD_ASSIGN_OR_RETURN(const ModelId id, MakeModelId(entry.hub_id, entry.revision));
  return tools.hub->Resolve(id, LoggingObserver([&](const std::string& line) {
                              tools.logger.Info("fetching model",
                                                {{"name", entry.name}, {"progress", line}});
                            }),
                            stop);
}

EngineOptions EngineOptionsOf(const ModelEntry& entry) {
  const absl::StatusOr<DeviceName> device = ParseDeviceName(entry.device);
  return Resolved(entry.engine, device.ok() && device->is_gpu, AvailableCpus());
}

// Before the weights are read: afterwards there may be nobody left to say it. Says nothing of a
// folder that cannot be read, which the load itself will.
void WarnOfLittleMemory(const ModelEntry& entry, const ModelOptions& options, Logger& logger) {
  const absl::StatusOr<uint64_t> weights = EstimateWeightMemory(options);
  if (!weights.ok()) return;
  const auto warning = MemoryWarning({.weights = *weights,
                                      .sessions = unsigned(EngineOptionsOf(entry).sessions),
                                      .in_use = AnonymousMemory(),
                                      .available = AvailableMemory()});
  if (warning) logger.Warning("model " + *warning, {{"name", entry.name}});
}

// Reading a model cannot be interrupted; between its steps somebody may no longer want it.
absl::Status CheckWanted(const std::stop_token& stop) {
  return stop.stop_requested() ? absl::CancelledError("the model is no longer wanted")
                               : absl::OkStatus();
}

}  // namespace

absl::StatusOr<ManagedModel::Loaded> LoadServedModel(const ModelEntry& entry,
                                                     const LoadingTools& tools,
                                                     const std::stop_token& stop) {
  const TimePoint began = steady_clock::now();
  RERANKD_ASSIGN_OR_RETURN(const std::filesystem::path folder, FolderOf(entry, tools, stop));
  const bool reads_pairs = entry.kind == EntryKind::kCrossEncoder;
  const ModelOptions model_options{
      .folder = folder,
      .kind = reads_pairs ? ModelKind::kCrossEncoder : ModelKind::kBiEncoder,
      .device = entry.device,
      .precision = entry.precision,
      .threads_per_session = entry.engine.threads_per_session};
  WarnOfLittleMemory(entry, model_options, tools.logger);
  RERANKD_ASSIGN_OR_RETURN(LoadedModel model, LoadModel(model_options));
  RERANKD_RETURN_IF_ERROR(CheckWanted(stop));
  RERANKD_ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer, LoadTokenizer(folder));
  if (tokenizer->id_bound() > model.vocab_size) {
    return absl::FailedPreconditionError(fmt::format(
        "the tokenizer in {} has ids up to {}, but vocab_size of config.json is {}; the files are "
        "not of one model",
        folder.string(), tokenizer->id_bound() - 1, model.vocab_size));
  }
  const int32_t document_type = tokenizer->frame().document_type_id;
  if (reads_pairs && model.type_vocab_size > 0 &&
      static_cast<size_t>(document_type) >= model.type_vocab_size) {
    return absl::FailedPreconditionError(fmt::format(
        "the tokenizer in {} gives documents the type {}, but type_vocab_size of config.json is "
        "{}; the files are not of one model",
        folder.string(), document_type, model.type_vocab_size));
  }
  RERANKD_RETURN_IF_ERROR(CheckWanted(stop));
  const Tokenizer::Frame& frame = tokenizer->frame();
  RERANKD_ASSIGN_OR_RETURN(
      const TokenLimits limits,
      TokenLimits::Make(
          {.model_max_tokens = model.max_tokens,
           .model_states_max_tokens = model.states_max_tokens,
           .tokenizer_max_tokens = tokenizer->model_max_length(),
           .special_tokens = frame.prefix.size() + frame.separator.size() +
                             std::max(frame.suffix.size(), frame.single_suffix.size()),
           .reads_pairs = reads_pairs,
           .truncation = entry.truncation,
           .entry_max_tokens = entry.max_tokens,
           .entry_query_max_tokens = entry.query_max_tokens}));

  LocalReranker::Options options;
  options.model = entry.name;
  options.reads_pairs = reads_pairs;
  options.max_tokens = limits.max_tokens;
  options.query_max_tokens = limits.query_max_tokens;
  options.query_prompt = entry.query_prompt.value_or(model.query_prompt);
  options.document_prompt = entry.document_prompt.value_or(model.document_prompt);
  if (!model.pools_prompt && !(options.query_prompt.empty() && options.document_prompt.empty())) {
    return absl::FailedPreconditionError(fmt::format(
        "the Pooling in {} leaves the prompt's tokens out (\"include_prompt\": false), which is "
        "not supported; set query_prompt and document_prompt to \"\" to serve it without prompts",
        folder.string()));
  }
  options.default_score_kind =
      entry.score_kind.value_or(model.sigmoid_by_default ? ScoreKind::kSigmoid : ScoreKind::kRaw);
  options.default_truncation = entry.truncation;
  options.engine = EngineOptionsOf(entry);
  options.recorder = RecorderOfEngine(tools.metrics, entry.name, *options.engine.max_batch_tokens);

  ManagedModel::Loaded served;
  served.info = InfoOf(entry);
  served.info.architecture = model.architecture;
  served.info.device = model.device;
  served.info.precision = model.precision;
  served.info.max_tokens = limits.max_tokens;
  served.info.parameters = model.parameters;
  served.info.default_score_kind = options.default_score_kind;
  served.reranker = std::make_shared<LocalReranker>(options, std::move(tokenizer),
                                                    std::move(model.scorer), tools.tokenizing);
  RERANKD_RETURN_IF_ERROR(WarmUp(*served.reranker, options.engine));
  tools.logger.Info("model loaded",
                    {{"name", served.info.name},
                     {"kind", served.info.kind},
                     {"architecture", served.info.architecture},
                     {"parameters", served.info.parameters},
                     {"max_tokens", served.info.max_tokens},
                     {"device", served.info.device},
                     {"precision", served.info.precision},
                     {"weights", model.shares_weights ? "shared" : "own"},
                     {"sessions", unsigned(options.engine.sessions)},
                     {"threads_per_session", unsigned(options.engine.threads_per_session)},
                     {"load_ms", Milliseconds(steady_clock::now() - began)}});
  return served;
}

std::unique_ptr<ManagedModel> MakeManagedModel(const ModelEntry& entry, const LoadingTools& tools) {
  ManagedModel::Options options;
  options.info = InfoOf(entry);
  options.on_demand = entry.load == LoadTime::kOnDemand;
  options.unload_after = entry.unload_after;
  options.max_waiting_documents = entry.engine.max_queued_documents;
  options.on_freed = [name = entry.name, tools] {
    tools.logger.Info("model unloaded", {{"name", name}});
  };
  return std::make_unique<ManagedModel>(
      std::move(options),
      [entry, tools](const std::stop_token& stop) -> absl::StatusOr<ManagedModel::Loaded> {
        const TimePoint began = steady_clock::now();
        tools.logger.Info("loading model", {{"name", entry.name}});
        absl::StatusOr<ManagedModel::Loaded> loaded =
            entry.kind == EntryKind::kHosted ? LoadHostedModel(entry, InfoOf(entry), *tools.hosted)
                                             : LoadServedModel(entry, tools, stop);
        if (loaded.ok() && tools.logger.enabled(LogLevel::kDebug)) {
          loaded->reranker = std::make_shared<LoggingReranker>(
              entry.name, std::move(loaded->reranker), tools.logger);
        }
        if (loaded.ok() || !stop.stop_requested()) {
          RecordLoad(tools.metrics, entry.name, loaded.ok(), steady_clock::now() - began);
        }
        if (!loaded.ok() && stop.stop_requested()) {
          tools.logger.Info("loading stopped", {{"name", entry.name}});
        } else if (!loaded.ok()) {
          tools.logger.Error(
              "model not loaded",
              {{"name", entry.name}, {"error", std::string(loaded.status().message())}});
        }
        return loaded;
      });
}

}  // namespace rerankd
