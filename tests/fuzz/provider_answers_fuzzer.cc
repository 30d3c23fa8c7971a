// Arbitrary bytes as what a provider answers. Whatever they are: either a result that ranks each
// document at most once, best first, with finite scores, or one error that is short, printable and
// of the providers' domain. The first byte chooses the provider, the second the status and the kind
// of request, the third a header; the rest is the body.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/errors.h"
#include "providers/provider_errors.h"
#include "providers/registry.h"
#include "util/utf8.h"

namespace {

constexpr char kKey[] = "sentinel-key-0123456789";
constexpr char kQuery[] = "a sentinel query that is long enough";

void Require(bool condition) {
  if (!condition) std::abort();
}

std::vector<std::unique_ptr<rerankd::Provider>> MakeAll() {
  std::vector<std::unique_ptr<rerankd::Provider>> providers;
  for (const std::string& kind : rerankd::ProviderKinds()) {
    auto made =
        rerankd::MakeProvider({.kind = kind, .model = "m", .base_url = "https://provider.example"});
    Require(made.ok());
    providers.push_back(*std::move(made));
  }
  return providers;
}

void CheckResult(const rerankd::RerankRequest& request, const rerankd::RerankResult& result) {
  const size_t documents = request.documents.size();
  const size_t wanted = request.top_k == 0 ? documents : std::min(request.top_k, documents);
  Require(result.documents.size() == wanted);
  std::vector<bool> seen(documents, false);
  float last = INFINITY;
  for (const rerankd::ScoredDocument& one : result.documents) {
    Require(one.index < documents && !seen[one.index]);
    seen[one.index] = true;
    Require(std::isfinite(one.score) && one.score <= last);
    last = one.score;
  }
  Require(std::isfinite(result.usage.billed_units) && result.usage.billed_units >= 0);
}

void CheckError(const absl::Status& status) {
  const std::string message(status.message());
  Require(message.size() <= 600 && !rerankd::FindInvalidUtf8(message).has_value());
  Require(std::ranges::none_of(message, [](char c) { return c >= 0 && c < 0x20; }));
  const auto info = rerankd::ErrorInfoOf(status);
  Require(info.has_value() && info->domain == rerankd::kProviderDomain);
  const std::string all = status.ToString();
  Require(all.find(kKey) == std::string::npos && all.find(kQuery) == std::string::npos);
  for (const auto& [name, value] : info->metadata) Require(value.size() <= 128);
  const auto after = rerankd::RetryAfterOf(status);
  Require(!after.has_value() || after->count() >= 0);
  rerankd::RetryRuleOf(status);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto* const providers = new auto(MakeAll());
  static constexpr std::array kStatuses = {200, 200, 200, 200, 201, 301, 400, 401,
                                           402, 403, 404, 422, 429, 500, 503, 529};
  if (size < 3) return 0;
  const rerankd::Provider& provider = *(*providers)[data[0] % providers->size()];
  const int status = kStatuses[data[1] % kStatuses.size()];
  const rerankd::RerankRequest request{
      .query = kQuery, .documents = {"a", "b", "c"}, .top_k = static_cast<size_t>(data[1] >> 6)};
  std::string body(reinterpret_cast<const char*>(data) + 3, size - 3);
  rerankd::HttpResponse response{.status = status};
  if ((data[2] & 1) != 0) {
    response.headers.emplace_back("Content-Type", "application/json");
  } else {
    const size_t line = std::min(body.find('\n'), body.size());
    constexpr std::array kNames = {"Retry-After",  "retry-after-ms", "Date",
                                   "Content-Type", "x-request-id",   "x-compute-tokens"};
    response.headers.emplace_back(kNames[(data[2] >> 1) % kNames.size()], body.substr(0, line));
    body.erase(0, line + 1);
  }
  response.body = std::move(body);
  const rerankd::ProviderKey key{.secret = rerankd::Secret(kKey), .is_callers = data[2] >= 128};
  const auto result = provider.ParseResponse(request, key, response);
  if (result.ok()) {
    CheckResult(request, *result);
  } else {
    CheckError(result.status());
  }
  return 0;
}
