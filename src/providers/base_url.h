// Addresses of providers: which ones are taken from a configuration, and how a call's is made.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace rerankd {

// `text` without a slash at its end. INVALID_ARGUMENT, in words that follow the setting's name,
// unless it is an absolute URL without user name, query and fragment, of https; http goes to this
// machine only, or where it is allowed: a key travels in every call. The message never quotes more
// than the host.
absl::StatusOr<std::string> CheckBaseUrl(std::string_view text, bool allow_http);

// `base_url` followed by `path`. Where `base_url` ends as `path` begins ("…/v1" and "/v1/rerank"),
// that part is not repeated: both ways of writing a base URL are in use.
std::string JoinUrl(std::string_view base_url, std::string_view path);

}  // namespace rerankd
