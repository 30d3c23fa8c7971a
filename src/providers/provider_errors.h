// What the failures of a provider are to the caller: the one table of statuses, reasons and what
// may be tried again.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "core/types.h"
#include "http/http_client.h"
#include "providers/provider.h"

namespace rerankd {

// The domain of every ErrorInfo here. Its metadata: "provider", and what is known of "http_status",
// "provider_code", "request_id" (the provider's own) and "cut_off" ("true": the answer ended
// early).
inline constexpr char kProviderDomain[] = "rerank.providers";

// Whether the same call may succeed when it is sent again.
enum class RetryRule {
  kNever,
  kOnce,     // most likely not, but once is cheap
  kAlways,   // after a pause, as long as there is time
  kNextKey,  // with another key only
};

struct ErrorRule {
  absl::StatusCode code;
  const char* reason;
  RetryRule retry;
};

// What an answer of `http_status` with `provider_code` (the error's name in the body; may be empty)
// means. A status of 2xx whose code is known means what the code says; any other 2xx is a bad
// answer.
ErrorRule RuleFor(int http_status, std::string_view provider_code, bool key_is_callers);

// The rule that made `status`; kNever for any other status.
RetryRule RetryRuleOf(const absl::Status& status);

// What was asked, and what came back.
struct ProviderExchange {
  std::string_view provider;
  const RerankRequest& request;
  const ProviderKey& key;
  const HttpResponse& response;
};

// The error that the answer stands for. What the provider says is part of it, without the key and
// without text of the request, in at most 512 bytes; so is what somebody has to do about it: which
// key was refused, where a redirect leads.
absl::Status ErrorFromResponse(const ProviderExchange& exchange);

// The error of an answer of status 2xx that has an error in place of what `field` should hold.
absl::Status ErrorInsteadOf(std::string_view field, const ProviderExchange& exchange);

// INTERNAL: `field` of the answer `problem`; an empty field is the whole. Both are our words: what
// is quoted in them has been through CleanQuote(). `cut_off`: the answer ended before its end.
absl::Status BadResponse(const ProviderExchange& exchange, std::string_view field,
                         std::string_view problem, bool cut_off = false);

// What the provider wrote, fit for a message: see Scrub().
std::string CleanQuote(const ProviderExchange& exchange, std::string_view text, size_t max_bytes);

// What an HttpClient could not bring: unreachable, broken off, not trusted, too large. Other errors
// (a deadline, a cancellation) stay what they are.
absl::Status TransportError(std::string_view provider, const absl::Status& status);

// UNAVAILABLE: the call was not sent, or its answer is not waited for.
absl::Status ProviderUnavailable(std::string_view provider, std::string_view why);

}  // namespace rerankd
