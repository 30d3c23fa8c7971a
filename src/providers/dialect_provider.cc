#include "providers/dialect_provider.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/errors.h"
#include "http/url.h"
#include "providers/base_url.h"
#include "providers/provider_errors.h"
#include "providers/rerank_answer.h"
#include "util/json.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

using Json = nlohmann::ordered_json;

absl::Status Invalid(std::string_view option, std::string_view problem) {
  return absl::InvalidArgumentError(fmt::format("{} {}", option, problem));
}

absl::Status Unsupported(std::string_view field, std::string_view problem) {
  return WithReason(InvalidField(field, problem), "UNSUPPORTED_OPTION");
}

const char* Name(ScoreKind kind) {
  switch (kind) {
    case ScoreKind::kRaw:
      return "raw";
    case ScoreKind::kSigmoid:
      return "sigmoid";
    case ScoreKind::kProvider:
      return "provider";
  }
  return "unknown";
}

void Set(Json& body, const std::string& at, Json value) {
  body[Json::json_pointer(at)] = std::move(value);
}

// Objects within one another are merged; anything else replaces what was there.
void Merge(Json& into, const Json& from) {
  for (const auto& [key, value] : from.items()) {
    Json& place = into[key];
    if (place.is_object() && value.is_object()) {
      Merge(place, value);
    } else {
      place = value;
    }
  }
}

// Whether merging `from` into a body would replace what is at `at`.
bool Touches(const Json& from, std::string_view at) {
  const Json* place = &from;
  while (!at.empty()) {
    at.remove_prefix(1);
    const std::string key(at.substr(0, at.find('/')));
    at.remove_prefix(key.size());
    const auto it = place->find(key);
    if (it == place->end()) return false;
    if (!it->is_object()) return true;
    place = &*it;
  }
  return true;
}

// Bytes that are to be JSON text, even where a caller sent something that is not UTF-8.
std::string Text(const Json& body) {
  return body.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

std::string Replaced(std::string text, std::string_view what, std::string_view with) {
  if (const size_t at = text.find(what); at != std::string::npos) {
    text.replace(at, what.size(), with);
  }
  return text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DialectProvider>> DialectProvider::Make(Dialect dialect,
                                                                       ProviderOptions options) {
  std::unique_ptr<DialectProvider> provider(
      new DialectProvider(std::move(dialect), std::move(options)));
  RERANKD_RETURN_IF_ERROR(provider->Prepare());
  return provider;
}

DialectProvider::DialectProvider(Dialect dialect, ProviderOptions options)
    : dialect_(std::move(dialect)),
      options_(std::move(options)),
      score_kind_(options_.score_kind.value_or(dialect_.score_kind)),
      constants_(dialect_.constants) {}

absl::Status DialectProvider::Prepare() {
  if (options_.model.empty() && !dialect_.example_model.empty()) {
    return Invalid("model", fmt::format("is missing: {}'s own name of the model, for example {}",
                                        dialect_.name, dialect_.example_model));
  }
  RERANKD_RETURN_IF_ERROR(SetAddress());
  if (!Gives(score_kind_)) {
    return Invalid("score_kind", fmt::format("{} is not what {} gives; leave it out",
                                             Name(score_kind_), dialect_.name));
  }
  Json unused = Json::object();
  RERANKD_RETURN_IF_ERROR(SetTruncation(RerankRequest(), unused));
  RERANKD_RETURN_IF_ERROR(AddOptions());
  return AddExtraBody();
}

absl::Status DialectProvider::SetAddress() {
  const bool is_own = options_.base_url.empty();
  if (is_own && dialect_.base_url.empty()) {
    return Invalid("base_url", fmt::format("is missing: where the {} server is, for example "
                                           "http://127.0.0.1:8080",
                                           dialect_.name));
  }
  const absl::StatusOr<std::string> base_url =
      CheckBaseUrl(is_own ? dialect_.base_url : options_.base_url, options_.allow_http);
  if (!base_url.ok()) return Invalid("base_url", std::string(base_url.status().message()));
  base_url_ = *base_url;
  const std::string model = dialect_.model_in_path != nullptr
                                ? dialect_.model_in_path(options_.model)
                                : EscapeForUrl(options_.model, /*keep_slashes=*/true);
  path_ = Replaced(is_own && !dialect_.own_path.empty() ? dialect_.own_path : dialect_.path,
                   "{model}", model);
  return absl::OkStatus();
}

absl::Status DialectProvider::AddOptions() {
  const auto add = [&](std::string_view option, const std::string& at, Json value) -> absl::Status {
    if (at.empty()) return Invalid(option, fmt::format("is nothing that {} takes", dialect_.name));
    Set(constants_, at, std::move(value));
    return absl::OkStatus();
  };
  if (options_.max_tokens_per_doc != 0) {
    RERANKD_RETURN_IF_ERROR(
        add("max_tokens_per_doc", dialect_.max_tokens_per_doc_at, options_.max_tokens_per_doc));
  }
  if (options_.priority.has_value()) {
    RERANKD_RETURN_IF_ERROR(add("priority", dialect_.priority_at, *options_.priority));
  }
  if (options_.instruction.empty()) return absl::OkStatus();
  if (dialect_.instruction_at.empty()) {
    return Invalid("instruction", fmt::format("is nothing that {} takes as such; query_prompt puts "
                                              "it before each query",
                                              dialect_.name));
  }
  return add("instruction", dialect_.instruction_at, options_.instruction);
}

absl::Status DialectProvider::AddExtraBody() {
  if (options_.extra_body.empty()) return absl::OkStatus();
  const auto parsed = ParseJsonObject(options_.extra_body, "extra_body");
  if (!parsed.ok()) return Invalid("extra_body", "must be a JSON object");
  const Json extra(*parsed);
  for (const std::string& at :
       {dialect_.model_at, dialect_.query_at, dialect_.documents_at, dialect_.top_at,
        dialect_.truncation ? dialect_.truncation->at : "", dialect_.raw_scores_at}) {
    if (!at.empty() && Touches(extra, at)) {
      return Invalid("extra_body", fmt::format("must not hold {}, which comes from the entry or "
                                               "the request",
                                               at.substr(1)));
    }
  }
  Merge(constants_, extra);
  return absl::OkStatus();
}

bool DialectProvider::Gives(ScoreKind kind) const {
  if (kind == dialect_.score_kind) return true;
  // Of a logit the sigmoid is made here; of a sigmoid no logit.
  if (dialect_.score_kind == ScoreKind::kRaw) return kind == ScoreKind::kSigmoid;
  return kind == ScoreKind::kRaw && !dialect_.raw_scores_at.empty();
}

Provider::Limits DialectProvider::limits() const {
  // Jina's models of the third generation read all documents of a call side by side, wherever they
  // are served.
  const bool listwise = options_.model.find("jina-reranker-v3") != std::string::npos;
  return {.max_documents =
              options_.max_documents != 0 ? options_.max_documents : dialect_.max_documents,
          .listwise = listwise};
}

absl::Status DialectProvider::SetTruncation(const RerankRequest& request, Json& body) const {
  const Truncation truncation = request.truncation.value_or(options_.truncation);
  const auto& field = dialect_.truncation;
  switch (truncation) {
    case Truncation::kOnlyDocument:
      if (field.has_value() && !field->cut.is_null()) Set(body, field->at, field->cut);
      return absl::OkStatus();
    case Truncation::kRefuse:
      if (!field.has_value()) {
        return Unsupported("truncation",
                           fmt::format("cannot be refuse: {} has no switch for it", dialect_.name));
      }
      Set(body, field->at, field->refuse);
      return absl::OkStatus();
    case Truncation::kLongestFirst:
      break;
  }
  return Unsupported(
      "truncation", fmt::format("cannot be longest_first: {} decides what it cuts", dialect_.name));
}

absl::StatusOr<Json> DialectProvider::Body(const RerankRequest& request) const {
  const auto text = [](const std::string& prompt, const std::string& text, bool wraps) {
    Json value = prompt.empty() ? text : prompt + text;
    return wraps ? Json{{"text", std::move(value)}} : value;
  };
  Json body = Json::object();
  if (!dialect_.model_at.empty() && !options_.model.empty()) {
    Set(body, dialect_.model_at, options_.model);
  }
  Json query = text(options_.query_prompt, request.query, dialect_.wraps_query);
  if (dialect_.repeats_query) query = Json(Json::array_t(request.documents.size(), query));
  Set(body, dialect_.query_at, std::move(query));
  Json documents = Json::array();
  documents.get_ref<Json::array_t&>().reserve(request.documents.size());
  for (const std::string& document : request.documents) {
    documents.push_back(text(options_.document_prompt, document, dialect_.wraps_documents));
  }
  Set(body, dialect_.documents_at, std::move(documents));
  // Not where all are wanted: some providers refuse a number that is too large.
  if (!dialect_.top_at.empty() && request.top_k != 0 && request.top_k < request.documents.size()) {
    Set(body, dialect_.top_at, request.top_k);
  }
  RERANKD_RETURN_IF_ERROR(SetTruncation(request, body));
  const ScoreKind kind = request.score_kind.value_or(score_kind_);
  if (!Gives(kind)) {
    return Unsupported("score_kind",
                       fmt::format("cannot be {}: {} gives scores of its own, {}", Name(kind),
                                   dialect_.name, Name(dialect_.score_kind)));
  }
  if (!dialect_.raw_scores_at.empty()) {
    Set(body, dialect_.raw_scores_at, kind == ScoreKind::kRaw);
  }
  Merge(body, constants_);
  return body;
}

absl::StatusOr<HttpRequest> DialectProvider::BuildRequest(const RerankRequest& request,
                                                          const ProviderKey& key) const {
  RERANKD_ASSIGN_OR_RETURN(const Json body, Body(request));
  std::string_view base_url = base_url_;
  if (options_.base_url.empty()) {
    for (const Dialect::KeyHost& host : dialect_.key_hosts) {
      if (key.secret.Reveal().starts_with(host.prefix)) base_url = host.base_url;
    }
  }
  HttpRequest call;
  call.method = "POST";
  call.url = JoinUrl(base_url, path_);
  call.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
  call.headers.insert(call.headers.end(), dialect_.headers.begin(), dialect_.headers.end());
  if (!key.secret.empty()) {
    call.secret_headers = {
        {dialect_.key_header, Secret(dialect_.key_prefix + key.secret.Reveal())}};
  }
  call.body = Text(body);
  return call;
}

absl::StatusOr<RerankResult> DialectProvider::ParseResponse(const RerankRequest& request,
                                                            const ProviderKey& key,
                                                            const HttpResponse& response) const {
  if (!Is2xx(response.status)) {
    return ErrorFromResponse(
        {.provider = dialect_.name, .request = request, .key = key, .response = response});
  }
  return ReadAnswer(dialect_, request.score_kind.value_or(score_kind_), request, key, response);
}

}  // namespace rerankd
