#include "service/conversions.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <utility>

namespace rerankd {
namespace {

std::optional<ScoreKind> FromProto(rerank::v1::ScoreKind kind) {
  switch (kind) {
    case rerank::v1::SCORE_KIND_RAW:
      return ScoreKind::kRaw;
    case rerank::v1::SCORE_KIND_SIGMOID:
      return ScoreKind::kSigmoid;
    case rerank::v1::SCORE_KIND_PROVIDER:
      return ScoreKind::kProvider;
    default:
      return std::nullopt;
  }
}

std::optional<Truncation> FromProto(rerank::v1::Truncation truncation) {
  switch (truncation) {
    case rerank::v1::TRUNCATION_ONLY_DOCUMENT:
      return Truncation::kOnlyDocument;
    case rerank::v1::TRUNCATION_LONGEST_FIRST:
      return Truncation::kLongestFirst;
    case rerank::v1::TRUNCATION_REFUSE:
      return Truncation::kRefuse;
    default:
      return std::nullopt;
  }
}

void SetDuration(Duration duration, google::protobuf::Duration& out) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  out.set_seconds(seconds.count());
  out.set_nanos(static_cast<int32_t>(std::chrono::nanoseconds(duration - seconds).count()));
}

}  // namespace

RerankRequest TakeRequest(rerank::v1::RerankRequest& request) {
  RerankRequest out;
  out.query = std::move(*request.mutable_query());
  out.documents.reserve(static_cast<size_t>(request.documents_size()));
  for (std::string& document : *request.mutable_documents()) {
    if (request.return_documents()) {
      out.documents.push_back(document);
    } else {
      out.documents.push_back(std::move(document));
    }
  }
  if (!request.return_documents()) request.clear_documents();
  out.top_k = request.top_k();
  out.score_kind = FromProto(request.score_kind());
  out.truncation = FromProto(request.truncation());
  return out;
}

absl::Status FillResponse(const RerankResult& result, const std::string& model,
                          rerank::v1::RerankRequest& request, size_t documents,
                          rerank::v1::RerankResponse& response) {
  response.mutable_results()->Reserve(static_cast<int>(result.documents.size()));
  for (const ScoredDocument& scored : result.documents) {
    if (scored.index >= documents) {
      return absl::InternalError(fmt::format("model \"{}\" answered for document {} of {}", model,
                                             scored.index, documents));
    }
    rerank::v1::RerankResult& out = *response.add_results();
    out.set_index(static_cast<uint32_t>(scored.index));
    out.set_score(scored.score);
    out.set_truncated(scored.truncated);
    if (request.return_documents()) {
      out.set_document(std::move(*request.mutable_documents(static_cast<int>(scored.index))));
    }
  }
  response.set_model(result.model.empty() ? model : result.model);
  response.set_score_kind(ToProto(result.score_kind));
  response.mutable_usage()->set_query_tokens(result.usage.query_tokens);
  response.mutable_usage()->set_document_tokens(result.usage.document_tokens);
  response.mutable_usage()->set_total_tokens(result.usage.total_tokens);
  response.mutable_usage()->set_billed_units(result.usage.billed_units);
  SetDuration(result.timings.queue, *response.mutable_timings()->mutable_queue());
  SetDuration(result.timings.tokenize, *response.mutable_timings()->mutable_tokenize());
  SetDuration(result.timings.compute, *response.mutable_timings()->mutable_compute());
  return absl::OkStatus();
}

rerank::v1::Model ToProto(const ModelStatus& status, bool is_default) {
  const ModelInfo& info = status.info;
  rerank::v1::Model out;
  out.set_name(info.name);
  out.set_kind(info.kind);
  out.set_architecture(info.architecture);
  out.set_max_tokens(static_cast<uint32_t>(
      std::min<size_t>(info.max_tokens, std::numeric_limits<uint32_t>::max())));
  out.set_device(info.device);
  out.set_precision(info.precision);
  if (info.default_score_kind) out.set_default_score_kind(ToProto(*info.default_score_kind));
  out.set_default_truncation(ToProto(info.default_truncation));
  out.set_parameters(info.parameters);
  out.set_is_default(is_default);
  out.mutable_aliases()->Add(info.aliases.begin(), info.aliases.end());
  out.set_state(ToProto(status.state));
  out.set_error(status.error);
  return out;
}

rerank::v1::ModelState ToProto(ModelState state) {
  switch (state) {
    case ModelState::kNotLoaded:
      return rerank::v1::MODEL_STATE_NOT_LOADED;
    case ModelState::kLoading:
      return rerank::v1::MODEL_STATE_LOADING;
    case ModelState::kReady:
      return rerank::v1::MODEL_STATE_READY;
    case ModelState::kFailed:
      return rerank::v1::MODEL_STATE_FAILED;
    case ModelState::kUnloading:
      return rerank::v1::MODEL_STATE_UNLOADING;
  }
  return rerank::v1::MODEL_STATE_UNSPECIFIED;
}

rerank::v1::ScoreKind ToProto(ScoreKind kind) {
  switch (kind) {
    case ScoreKind::kRaw:
      return rerank::v1::SCORE_KIND_RAW;
    case ScoreKind::kSigmoid:
      return rerank::v1::SCORE_KIND_SIGMOID;
    case ScoreKind::kProvider:
      return rerank::v1::SCORE_KIND_PROVIDER;
  }
  return rerank::v1::SCORE_KIND_UNSPECIFIED;
}

rerank::v1::Truncation ToProto(Truncation truncation) {
  switch (truncation) {
    case Truncation::kOnlyDocument:
      return rerank::v1::TRUNCATION_ONLY_DOCUMENT;
    case Truncation::kLongestFirst:
      return rerank::v1::TRUNCATION_LONGEST_FIRST;
    case Truncation::kRefuse:
      return rerank::v1::TRUNCATION_REFUSE;
  }
  return rerank::v1::TRUNCATION_UNSPECIFIED;
}

}  // namespace rerankd
