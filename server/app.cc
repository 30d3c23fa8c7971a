#include "server/app.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <limits>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/local_reranker.h"
#include "model/model_loader.h"
#include "server/logging_reranker.h"
#include "server/request_log_fields.h"
#include "server/version.h"
#include "tokenizer/tokenizer_factory.h"
#include "util/cpu.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

using std::chrono::steady_clock;

constexpr size_t kDefaultQueryMaxTokens = 256;

double MillisOf(Duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

// How long sequences and queries may be, from what the model, its tokenizer and its entry say.
struct TokenLimits {
  size_t max_tokens;
  size_t query_max_tokens;
};
absl::StatusOr<TokenLimits> LimitsOf(const ModelEntry& entry, const Tokenizer& tokenizer,
                                     const LoadedModel& model) {
  const size_t allowed = std::min(model.max_tokens, tokenizer.model_max_length());
  const size_t max_tokens = entry.max_tokens == 0 ? allowed : entry.max_tokens;
  if (max_tokens > allowed) {
    return absl::FailedPreconditionError(
        fmt::format("max_tokens is {}, but the model reads {} at most", max_tokens, allowed));
  }
  const Tokenizer::Frame& frame = tokenizer.frame();
  const size_t special = frame.prefix.size() + frame.separator.size() +
                         std::max(frame.suffix.size(), frame.single_suffix.size());
  const size_t query_max_tokens = entry.query_max_tokens != 0
                                      ? entry.query_max_tokens
                                      : std::min(kDefaultQueryMaxTokens, max_tokens / 2);
  if (query_max_tokens == 0 || query_max_tokens + special >= max_tokens) {
    return absl::FailedPreconditionError(fmt::format(
        "max_tokens {} leaves no room for a document beside {} tokens of the query and {} special "
        "tokens; raise max_tokens or lower query_max_tokens",
        max_tokens, query_max_tokens, special));
  }
  return TokenLimits{max_tokens, query_max_tokens};
}

// One small request a session: pages of the weights, memory pools and compiled kernels are then
// there before the first caller is.
absl::Status WarmUp(Reranker& reranker, int sessions) {
  std::vector<std::future<absl::Status>> answers;
  for (int i = 0; i < sessions; ++i) {
    auto answer = std::make_shared<std::promise<absl::Status>>();
    answers.push_back(answer->get_future());
    RerankRequest request;
    request.query = "Is everything ready?";
    request.documents = {"This document is read before the first caller comes."};
    reranker.Rerank(std::move(request), [answer](absl::StatusOr<RerankResult> result) {
      answer->set_value(std::move(result).status());
    });
  }
  absl::Status status;
  for (std::future<absl::Status>& answer : answers) status.Update(answer.get());
  return status;
}

absl::Status WritePortFile(const std::filesystem::path& path, int port) {
  std::filesystem::path partial = path;
  partial += ".partial";
  std::ofstream file(partial);
  file << port << "\n";
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(partial, path, error);
  if (!file || error) {
    return absl::FailedPreconditionError(
        fmt::format("port_file: cannot write {}; name a file in a folder that exists and can be "
                    "written to",
                    path.string()));
  }
  return absl::OkStatus();
}

}  // namespace

App::App(ServerConfig config, Logger& logger)
    : config_(std::move(config)),
      logger_(logger),
      began_(steady_clock::now()),
      tokenizing_(config_.tokenizer_threads > 0 ? config_.tokenizer_threads : AvailableCpus()) {}

App::~App() { Stop(std::chrono::milliseconds(0)); }

absl::StatusOr<std::unique_ptr<App>> App::Load(const ServerConfig& config, Logger& logger) {
  logger.Info("starting", {{"version", kVersion}, {"processors", unsigned(AvailableCpus())}});
  std::unique_ptr<App> app(new App(config, logger));
  for (const ModelEntry& entry : config.models) {
    const absl::Status status = app->AddModel(entry);
    if (!status.ok()) {
      return absl::Status(status.code(), fmt::format("model \"{}\": {}", entry.name,
                                                     std::string(status.message())));
    }
  }
  return app;
}

absl::Status App::Serve() {
  RERANKD_ASSIGN_OR_RETURN(
      server_, GrpcServer::Start(config_.service, catalog_, [this](const RequestLog& request) {
        const LogLevel level = LevelOf(request);
        if (logger_.enabled(level)) logger_.Log(level, "request", FieldsOf(request));
      }));
  if (!config_.port_file.empty()) {
    RERANKD_RETURN_IF_ERROR(WritePortFile(config_.port_file, server_->port()));
  }
  logger_.Info("serving", {{"address", server_->address()},
                           {"default_model", catalog_.entries().front().info.name},
                           {"start_ms", MillisOf(steady_clock::now() - began_)}});
  return absl::OkStatus();
}

absl::Status App::AddModel(const ModelEntry& entry) {
  const TimePoint began = steady_clock::now();
  const bool reads_pairs = entry.kind == EntryKind::kCrossEncoder;
  RERANKD_ASSIGN_OR_RETURN(
      LoadedModel model,
      LoadModel({.folder = entry.path,
                 .kind = reads_pairs ? ModelKind::kCrossEncoder : ModelKind::kBiEncoder,
                 .device = entry.device,
                 .precision = entry.precision,
                 .threads_per_session = entry.engine.threads_per_session}));
  RERANKD_ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer, LoadTokenizer(entry.path));
  if (tokenizer->id_bound() > model.vocab_size) {
    return absl::FailedPreconditionError(fmt::format(
        "the tokenizer in {} has ids up to {}, but vocab_size of config.json is {}; the files are "
        "not of one model",
        entry.path.string(), tokenizer->id_bound() - 1, model.vocab_size));
  }
  RERANKD_ASSIGN_OR_RETURN(const TokenLimits limits, LimitsOf(entry, *tokenizer, model));

  LocalReranker::Options options;
  options.model = entry.name;
  options.reads_pairs = reads_pairs;
  options.max_tokens = limits.max_tokens;
  options.query_max_tokens = limits.query_max_tokens;
  options.default_score_kind =
      entry.score_kind.value_or(model.sigmoid_by_default ? ScoreKind::kSigmoid : ScoreKind::kRaw);
  options.default_truncation = entry.truncation;
  options.engine = entry.engine;
  if (options.engine.sessions == 0) {
    options.engine.sessions = std::max(1, AvailableCpus() / options.engine.threads_per_session);
  }

  Catalog::Entry served;
  served.info = {.name = entry.name,
                 .kind = reads_pairs ? "cross_encoder" : "bi_encoder",
                 .architecture = model.architecture,
                 .device = model.device,
                 .precision = model.precision,
                 .max_tokens = limits.max_tokens,
                 .parameters = model.parameters,
                 .default_score_kind = options.default_score_kind,
                 .default_truncation = options.default_truncation};
  served.reranker = std::make_shared<LocalReranker>(options, std::move(tokenizer),
                                                    std::move(model.scorer), tokenizing_);
  RERANKD_RETURN_IF_ERROR(WarmUp(*served.reranker, options.engine.sessions));
  if (logger_.enabled(LogLevel::kDebug)) {
    served.reranker =
        std::make_shared<LoggingReranker>(entry.name, std::move(served.reranker), logger_);
  }
  logger_.Info("model loaded",
               {{"name", served.info.name},
                {"kind", served.info.kind},
                {"architecture", served.info.architecture},
                {"parameters", served.info.parameters},
                {"max_tokens", served.info.max_tokens},
                {"device", served.info.device},
                {"precision", served.info.precision},
                {"sessions", unsigned(options.engine.sessions)},
                {"threads_per_session", unsigned(options.engine.threads_per_session)},
                {"load_ms", MillisOf(steady_clock::now() - began)}});
  return catalog_.Add(std::move(served));
}

bool App::Stop(std::chrono::milliseconds grace) {
  if (server_ == nullptr) return true;
  server_->BeginShutdown();
  logger_.Info("draining", {{"grace_ms", MillisOf(grace)}});
  const bool all_ended = server_->Stop(grace);
  if (!all_ended) logger_.Warning("calls were cancelled at the end of the grace period");
  server_.reset();
  if (!config_.port_file.empty()) {
    std::error_code ignored;
    std::filesystem::remove(config_.port_file, ignored);
  }
  return all_ended;
}

}  // namespace rerankd
