#include "providers/provider_errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>
#include <vector>

#include "core/errors.h"
#include "http/asked_delay.h"
#include "providers/error_body.h"
#include "providers/scrub.h"
#include "util/printable.h"

namespace rerankd {
namespace {

using Code = absl::StatusCode;

constexpr size_t kMaxMessageBytes = 512;
constexpr size_t kMaxValueBytes = 96;

// ---- the table ----

constexpr ErrorRule kInvalidRequest{Code::kInvalidArgument, "PROVIDER_INVALID_REQUEST",
                                    RetryRule::kNever};
// The server's key is the operator's to mend, the caller's the caller's.
constexpr ErrorRule kServerKey{Code::kFailedPrecondition, "PROVIDER_AUTH", RetryRule::kNextKey};
constexpr ErrorRule kCallersKey{Code::kUnauthenticated, "PROVIDER_AUTH", RetryRule::kNever};
constexpr ErrorRule kServerForbidden{Code::kFailedPrecondition, "PROVIDER_FORBIDDEN",
                                     RetryRule::kNever};
constexpr ErrorRule kCallerForbidden{Code::kPermissionDenied, "PROVIDER_FORBIDDEN",
                                     RetryRule::kNever};
constexpr ErrorRule kBalance{Code::kResourceExhausted, "PROVIDER_BALANCE", RetryRule::kNextKey};
constexpr ErrorRule kModel{Code::kNotFound, "PROVIDER_MODEL", RetryRule::kNever};
constexpr ErrorRule kUnavailable{Code::kUnavailable, "PROVIDER_UNAVAILABLE", RetryRule::kAlways};
constexpr ErrorRule kConflict{Code::kAborted, "PROVIDER_CONFLICT", RetryRule::kAlways};
// What broke is the provider's; a dependency of it (424) said that this very request broke it.
constexpr ErrorRule kError{Code::kUnavailable, "PROVIDER_ERROR", RetryRule::kOnce};
constexpr ErrorRule kDependency{Code::kInternal, "PROVIDER_ERROR", RetryRule::kOnce};
// A refusal that nobody is known to send; a second one would be the same.
constexpr ErrorRule kRefused{Code::kInternal, "PROVIDER_REFUSED", RetryRule::kNever};
constexpr ErrorRule kRateLimit{Code::kResourceExhausted, "PROVIDER_RATE_LIMIT", RetryRule::kAlways};
constexpr ErrorRule kCancelled{Code::kUnavailable, "PROVIDER_CANCELLED", RetryRule::kAlways};
constexpr ErrorRule kUnsupported{Code::kUnimplemented, "PROVIDER_UNSUPPORTED", RetryRule::kNever};
constexpr ErrorRule kRedirect{Code::kFailedPrecondition, "PROVIDER_REDIRECT", RetryRule::kNever};
constexpr ErrorRule kTls{Code::kFailedPrecondition, "PROVIDER_TLS", RetryRule::kNever};
constexpr ErrorRule kBadResponse{Code::kInternal, "PROVIDER_BAD_RESPONSE", RetryRule::kNever};

struct StatusRow {
  int first;
  int last;
  ErrorRule server_key;
  ErrorRule callers_key;
};

constexpr StatusRow Row(int status, const ErrorRule& rule) { return {status, status, rule, rule}; }

// The first row that fits counts.
constexpr StatusRow kStatuses[] = {
    {300, 399, kRedirect, kRedirect},
    Row(400, kInvalidRequest),
    {401, 401, kServerKey, kCallersKey},
    Row(402, kBalance),
    {403, 403, kServerForbidden, kCallerForbidden},
    Row(404, kModel),
    Row(405, kUnsupported),
    Row(408, kUnavailable),
    Row(409, kConflict),
    Row(413, kInvalidRequest),
    Row(422, kInvalidRequest),
    Row(424, kDependency),
    Row(425, kUnavailable),
    Row(429, kRateLimit),
    Row(498, kInvalidRequest),
    Row(499, kCancelled),
    {400, 499, kRefused, kRefused},
    Row(500, kError),
    Row(501, kUnsupported),
    Row(502, kUnavailable),
    Row(503, kUnavailable),
    Row(504, kUnavailable),
    Row(529, kUnavailable),
    {500, 599, kError, kError},
};

// Names that say more than the status they come with. With a prefix of "…." each longer name
// counts.
struct CodeRow {
  std::string_view code;
  ErrorRule server_key;
  ErrorRule callers_key;
  bool only_with_2xx;  // elsewhere the status says the same
};

constexpr CodeRow kCodes[] = {
    // Jina
    {"AUTHZ_INSUFFICIENT_BALANCE", kBalance, kBalance, false},
    {"INPUT_MODEL_NOT_FOUND", kModel, kModel, false},
    // DashScope, which sends some of them with 200
    {"Arrearage", kBalance, kBalance, false},
    {"ModelNotFound", kModel, kModel, true},
    {"InvalidApiKey", kServerKey, kCallersKey, true},
    {"AccessDenied", kServerForbidden, kCallerForbidden, true},
    {"InvalidParameter", kInvalidRequest, kInvalidRequest, true},
    {"DataInspectionFailed", kInvalidRequest, kInvalidRequest, true},
    {"Throttling", kRateLimit, kRateLimit, true},
    {"InternalError", kError, kError, true},
};

bool Names(std::string_view code, std::string_view row) {
  return code == row || (code.starts_with(row) && code[row.size()] == '.');
}

// ---- statuses ----

struct Facts {
  int http_status = 0;  // 0: there was no answer
  std::string code;
  std::string request_id;
  bool cut_off = false;
};

absl::Status Make(const ErrorRule& rule, std::string_view provider, const std::string& message,
                  const Facts& facts) {
  return WithErrorInfo(
      absl::Status(rule.code, message),
      {.reason = rule.reason,
       .domain = kProviderDomain,
       .metadata = {
           {"provider", std::string(provider)},
           {"http_status", facts.http_status == 0 ? "" : fmt::to_string(facts.http_status)},
           {"provider_code", facts.code},
           {"request_id", facts.request_id},
           {"cut_off", facts.cut_off ? "true" : ""}}});
}

constexpr std::array kAllRules = {
    kInvalidRequest, kServerKey, kCallersKey,  kServerForbidden, kCallerForbidden,
    kBalance,        kModel,     kUnavailable, kConflict,        kError,
    kDependency,     kRefused,   kRateLimit,   kCancelled,       kUnsupported,
    kRedirect,       kTls,       kBadResponse};

// ---- what somebody has to do about it ----

// Which key it was, never the key.
std::string WhichKey(const ProviderKey& key) {
  if (key.secret.empty()) return "no key was sent";
  if (key.is_callers) return "the key that came with the call";
  return key.place.empty() ? "" : fmt::format("the key of {}", Printable(key.place));
}

std::string WhereTo(const ProviderExchange& exchange) {
  std::string_view location = exchange.response.Header("Location").value_or("");
  // What follows may be a ticket to log in with, and what is before an "@" a password.
  location = location.substr(0, location.find_first_of("?#"));
  if (location.find('@') != std::string_view::npos) location = "";
  const std::string place = CleanQuote(exchange, location, 2 * kMaxValueBytes);
  return fmt::format("redirects are not followed; correct base_url{}{}",
                     place.empty() ? "" : ", it leads to ", place);
}

// In brackets at the end of the message; empty: what the provider says is all there is to say.
std::string Advice(const ProviderExchange& exchange, const ErrorRule& rule) {
  const std::string_view reason = rule.reason;
  if (reason == kRedirect.reason) return WhereTo(exchange);
  const bool is_about_key =
      reason == kServerKey.reason || reason == kServerForbidden.reason || reason == kBalance.reason;
  return is_about_key ? WhichKey(exchange.key) : "";
}

absl::Status ErrorFromBody(const ProviderExchange& exchange, const ErrorBody& body) {
  const HttpResponse& response = exchange.response;
  const ErrorRule rule = RuleFor(response.status, body.code, exchange.key.is_callers);
  const std::string prefix = fmt::format("{}: http {}", exchange.provider, response.status);
  std::string advice = Advice(exchange, rule);
  if (!advice.empty()) advice = fmt::format(" ({})", advice);
  std::string message =
      CleanQuote(exchange, body.message, kMaxMessageBytes - prefix.size() - advice.size() - 2);
  message = fmt::format("{}{}{}{}", prefix, message.empty() ? "" : ": ", message, advice);
  absl::Status status = Make(rule, exchange.provider, message,
                             {.http_status = response.status,
                              .code = CleanQuote(exchange, body.code, kMaxValueBytes),
                              .request_id = CleanQuote(exchange, body.request_id, kMaxValueBytes)});
  // Neither a key nor a balance comes back by waiting.
  if (rule.retry != RetryRule::kAlways && rule.retry != RetryRule::kOnce) return status;
  const auto asked = AskedDelay(response);
  return asked.has_value() ? WithRetryAfter(std::move(status), *asked) : status;
}

absl::Status BadAnswer(const ProviderExchange& exchange, const ErrorBody& body,
                       std::string_view field, std::string_view problem, bool cut_off) {
  const std::string message = fmt::format("{}: bad answer: {}{}{}", exchange.provider, field,
                                          field.empty() ? "" : " ", problem);
  return Make(kBadResponse, exchange.provider, message,
              {.http_status = exchange.response.status,
               .request_id = CleanQuote(exchange, body.request_id, kMaxValueBytes),
               .cut_off = cut_off});
}

}  // namespace

ErrorRule RuleFor(int http_status, std::string_view provider_code, bool key_is_callers) {
  for (const CodeRow& row : kCodes) {
    if (Names(provider_code, row.code) && (Is2xx(http_status) || !row.only_with_2xx)) {
      return key_is_callers ? row.callers_key : row.server_key;
    }
  }
  for (const StatusRow& row : kStatuses) {
    if (http_status >= row.first && http_status <= row.last) {
      return key_is_callers ? row.callers_key : row.server_key;
    }
  }
  return kBadResponse;
}

RetryRule RetryRuleOf(const absl::Status& status) {
  const auto info = ErrorInfoOf(status);
  if (!info.has_value() || info->domain != kProviderDomain) return RetryRule::kNever;
  if (info->metadata.contains("cut_off")) return RetryRule::kOnce;
  const auto* const rule = std::ranges::find_if(kAllRules, [&](const ErrorRule& one) {
    return one.code == status.code() && one.reason == info->reason;
  });
  return rule == kAllRules.end() ? RetryRule::kNever : rule->retry;
}

std::string CleanQuote(const ProviderExchange& exchange, std::string_view text, size_t max_bytes) {
  return Scrub(text, exchange.key.secret, exchange.request, max_bytes);
}

absl::Status ErrorFromResponse(const ProviderExchange& exchange) {
  return ErrorFromBody(exchange, ReadErrorBody(exchange.response));
}

absl::Status ErrorInsteadOf(std::string_view field, const ProviderExchange& exchange) {
  const ErrorBody body = ReadErrorBody(exchange.response);
  const ErrorRule rule = RuleFor(exchange.response.status, body.code, exchange.key.is_callers);
  if (std::string_view(rule.reason) != kBadResponse.reason) return ErrorFromBody(exchange, body);
  const std::string said = CleanQuote(exchange, body.message, kMaxMessageBytes / 2);
  return BadAnswer(exchange, body, field,
                   said.empty() ? "is missing" : fmt::format("is missing; it says: {}", said),
                   /*cut_off=*/false);
}

absl::Status BadResponse(const ProviderExchange& exchange, std::string_view field,
                         std::string_view problem, bool cut_off) {
  return BadAnswer(exchange, ReadErrorBody(exchange.response), field, problem, cut_off);
}

absl::Status TransportError(std::string_view provider, const absl::Status& status) {
  const auto message = fmt::format("{}: {}", provider, std::string(status.message()));
  switch (status.code()) {
    case Code::kUnavailable:
      return Make(kUnavailable, provider, message, {});
    case Code::kFailedPrecondition:
      return Make(kTls, provider, message + "; for this model alone: ca_file in its entry", {});
    case Code::kResourceExhausted:
      return Make(kBadResponse, provider, message, {});
    default:
      return status;
  }
}

absl::Status ProviderUnavailable(std::string_view provider, std::string_view why) {
  return Make(kUnavailable, provider, fmt::format("{}: {}", provider, why), {});
}

}  // namespace rerankd
