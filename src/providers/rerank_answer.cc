#include "providers/rerank_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "providers/provider_errors.h"
#include "util/json.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxDepth = 32;

struct Scored {
  size_t index = 0;
  double score = 0;
};

// "/output/results" as "output.results".
std::string Spelled(std::string_view pointer) {
  std::string text(pointer.substr(pointer.starts_with('/') ? 1 : 0));
  std::ranges::replace(text, '/', '.');
  return text;
}

// What is at the first of `places` that has something; null: none has.
const Json* At(const Json& body, const std::vector<std::string>& places) {
  for (const std::string& place : places) {
    const Json::json_pointer pointer(place);
    if (body.contains(pointer) && !body.at(pointer).is_null()) return &body.at(pointer);
  }
  return nullptr;
}

// A count in an answer; nobody's results depend on it, so whatever else stands there is nothing.
double CountAt(const Json& body, const std::vector<std::string>& places) {
  const Json* const value = At(body, places);
  if (value == nullptr || !value->is_number()) return 0;
  const auto count = value->get<double>();
  return std::isfinite(count) && count > 0 && count < 1e15 ? count : 0;
}

class Reader {
 public:
  Reader(const Dialect& dialect, const RerankRequest& request, const ProviderKey& key,
         const HttpResponse& response)
      : dialect_(dialect),
        request_(request),
        response_(response),
        exchange_{.provider = dialect.name, .request = request, .key = key, .response = response} {}

  absl::StatusOr<Json> Parse() const {
    if (const auto type = response_.Header("Content-Type"); type.has_value()) {
      // "application/json; charset=utf-8", "application/vnd.x+json"
      const std::string lower =
          absl::AsciiStrToLower(std::string(type->substr(0, type->find(';'))));
      if (lower.find("json") == std::string::npos) {
        const bool is_page = lower.find("html") != std::string::npos;
        return Bad("", fmt::format("is {}, not JSON{}", CleanQuote(exchange_, *type, 60),
                                   is_page ? ": a web page, of a proxy perhaps; check base_url and "
                                             "HTTPS_PROXY"
                                           : ""));
      }
    }
    if (IsNestedDeeper(response_.body, kMaxDepth)) {
      return Bad("", fmt::format("nests more than {} deep", kMaxDepth));
    }
    try {
      return Json::parse(response_.body);
    } catch (const Json::parse_error& error) {
      const bool cut_off = error.byte > response_.body.size();
      return BadResponse(exchange_, "",
                         cut_off ? "ends early" : fmt::format("is not JSON at byte {}", error.byte),
                         cut_off);
    } catch (const Json::exception&) {
      return Bad("", "has a number that is too large");
    }
  }

  absl::StatusOr<std::vector<Scored>> Results(const Json& body) const {
    const std::string name = Spelled(dialect_.results_at.front());
    const Json* const results = At(body, dialect_.results_at);
    const bool is_list = results != nullptr && results->is_array();
    // Where the whole answer is the list, an error is an object instead.
    if (results == nullptr || (!is_list && results == &body)) {
      return ErrorInsteadOf(name.empty() ? "the list of results" : name, exchange_);
    }
    if (!is_list) return Bad(name, "is not a list");
    const size_t documents = request_.documents.size();
    if (results->size() > documents) {
      return Bad(name, fmt::format("has {} entries for {} documents", results->size(), documents));
    }
    if (results->size() < Wanted()) {
      return Bad(name,
                 fmt::format("has {} entries where {} were asked for", results->size(), Wanted()));
    }
    std::vector<Scored> scored;
    scored.reserve(results->size());
    std::vector<bool> seen(documents, false);
    for (size_t i = 0; i < results->size(); ++i) {
      RERANKD_ASSIGN_OR_RETURN(const Scored one,
                               Result((*results)[i], i, fmt::format("{}[{}]", name, i)));
      if (seen[one.index]) {
        return Bad(fmt::format("{}[{}].{}", name, i, dialect_.index),
                   fmt::format("is {}, as that of an earlier entry", one.index));
      }
      seen[one.index] = true;
      scored.push_back(one);
    }
    return scored;
  }

  uint64_t TotalTokens(const Json& body) const {
    const auto header =
        dialect_.tokens_header.empty() ? std::nullopt : response_.Header(dialect_.tokens_header);
    if (header.has_value()) {
      uint64_t tokens = 0;
      const auto [end, error] =
          std::from_chars(header->data(), header->data() + header->size(), tokens);
      if (error == std::errc() && end == header->data() + header->size()) return tokens;
    }
    return static_cast<uint64_t>(CountAt(body, dialect_.total_tokens_at));
  }

  // How many results there must be.
  size_t Wanted() const {
    const size_t documents = request_.documents.size();
    const bool all = dialect_.top_at.empty() || request_.top_k == 0;
    return all ? documents : std::min(request_.top_k, documents);
  }

 private:
  absl::Status Bad(std::string_view field, std::string_view problem) const {
    return BadResponse(exchange_, field, problem);
  }

  absl::StatusOr<Scored> Result(const Json& result, size_t position,
                                const std::string& name) const {
    if (dialect_.index.empty()) {
      RERANKD_ASSIGN_OR_RETURN(const double score, Score(result, name));
      return Scored{.index = position, .score = score};
    }
    if (!result.is_object()) return Bad(name, "is not an object");
    RERANKD_ASSIGN_OR_RETURN(const size_t index, Index(result, name));
    for (const std::string& key : dialect_.score) {
      const auto it = result.find(key);
      if (it == result.end()) continue;
      RERANKD_ASSIGN_OR_RETURN(const double score, Score(*it, fmt::format("{}.{}", name, key)));
      return Scored{.index = index, .score = score};
    }
    return Bad(fmt::format("{}.{}", name, dialect_.score.front()), "is missing");
  }

  absl::StatusOr<size_t> Index(const Json& result, const std::string& name) const {
    const std::string place = fmt::format("{}.{}", name, dialect_.index);
    const auto it = result.find(dialect_.index);
    if (it == result.end()) return Bad(place, "is missing");
    // A negative whole number is one of the signed kind.
    if (!it->is_number_integer()) return Bad(place, "is not a whole number");
    if (!it->is_number_unsigned() || it->get<uint64_t>() >= request_.documents.size()) {
      return Bad(place, fmt::format("is {}, and there are {} documents", JsonExcerpt(*it),
                                    request_.documents.size()));
    }
    return it->get<size_t>();
  }

  absl::StatusOr<double> Score(const Json& score, const std::string& place) const {
    if (!score.is_number()) return Bad(place, "is not a number");
    const auto value = score.get<double>();
    if (!std::isfinite(static_cast<float>(value))) return Bad(place, "is too large");
    return value == 0 ? 0.0 : value;  // no negative zero
  }

  const Dialect& dialect_;
  const RerankRequest& request_;
  const HttpResponse& response_;
  const ProviderExchange exchange_;
};

// In double: scores that a float cannot tell apart keep their order.
void Order(std::vector<Scored>& scored) {
  if (std::ranges::is_sorted(scored, std::ranges::greater(), &Scored::score)) return;
  std::ranges::sort(scored, [](const Scored& a, const Scored& b) {
    return a.score != b.score ? a.score > b.score : a.index < b.index;
  });
}

float Activated(double score, ScoreKind from, ScoreKind to) {
  const bool is_logit = from == ScoreKind::kRaw && to == ScoreKind::kSigmoid;
  return static_cast<float>(is_logit ? 1.0 / (1.0 + std::exp(-score)) : score);
}

}  // namespace

absl::StatusOr<RerankResult> ReadAnswer(const Dialect& dialect, ScoreKind kind,
                                        const RerankRequest& request, const ProviderKey& key,
                                        const HttpResponse& response) {
  const Reader reader(dialect, request, key, response);
  RERANKD_ASSIGN_OR_RETURN(const Json body, reader.Parse());
  RERANKD_ASSIGN_OR_RETURN(std::vector<Scored> scored, reader.Results(body));
  Order(scored);
  if (request.top_k != 0 && request.top_k < scored.size()) scored.resize(request.top_k);

  RerankResult result;
  result.score_kind = kind;
  result.documents.reserve(scored.size());
  for (const Scored& one : scored) {
    result.documents.push_back(
        {.index = one.index, .score = Activated(one.score, dialect.score_kind, kind)});
  }
  result.usage.total_tokens = reader.TotalTokens(body);
  result.usage.billed_units = CountAt(body, dialect.billed_units_at);
  return result;
}

}  // namespace rerankd
