#include "server/model_loading.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <utility>
#include <vector>

#include "engine/local_reranker.h"
#include "model/model_loader.h"
#include "server/logging_reranker.h"
#include "tokenizer/tokenizer_factory.h"
#include "util/cpu.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

using std::chrono::steady_clock;

constexpr size_t kDefaultQueryMaxTokens = 256;

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

}  // namespace

absl::StatusOr<ServedModel> LoadServedModel(const ModelEntry& entry, WorkerPool& tokenizing,
                                            Logger& logger) {
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

  ServedModel served;
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
                                                    std::move(model.scorer), tokenizing);
  RERANKD_RETURN_IF_ERROR(WarmUp(*served.reranker, options.engine.sessions));
  if (logger.enabled(LogLevel::kDebug)) {
    served.reranker =
        std::make_shared<LoggingReranker>(entry.name, std::move(served.reranker), logger);
  }
  logger.Info("model loaded",
              {{"name", served.info.name},
               {"kind", served.info.kind},
               {"architecture", served.info.architecture},
               {"parameters", served.info.parameters},
               {"max_tokens", served.info.max_tokens},
               {"device", served.info.device},
               {"precision", served.info.precision},
               {"sessions", unsigned(options.engine.sessions)},
               {"threads_per_session", unsigned(options.engine.threads_per_session)},
               {"load_ms", Milliseconds(steady_clock::now() - began)}});
  return served;
}

}  // namespace rerankd
