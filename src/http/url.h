// URLs, read by the same parser that the transfers use, so that a check and a transfer never
// disagree about which host a URL names.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "http/http_client.h"

namespace rerankd {

struct Url {
  std::string text;    // normalized, without fragment
  std::string scheme;  // http or https
  std::string host;    // lower case
  std::string port;    // the scheme's own where the URL has none
};

// INVALID_ARGUMENT unless `text` is an absolute http or https URL without user name or control
// characters, of at most 8 KiB.
absl::StatusOr<Url> ParseUrl(std::string_view text);

// `text`, a URL or an attempt at one, for a message: the user name and password that it may hold
// (all before its last @) are left out.
std::string WithoutUserInfo(std::string_view text);

// Whether a credential for `a` may also be sent to `b`: scheme, host and port are the same.
bool SameOrigin(const Url& a, const Url& b);

// `text` for the path of a URL: everything but letters, digits, -._~ and, where asked, / is
// escaped.
std::string EscapeForUrl(std::string_view text, bool keep_slashes);

// `request` as it goes to where `response`, a redirect, sends it: without its secret headers when
// that is another origin. Refused: a redirect without a place, to another scheme than http and
// https, and from https to http.
absl::StatusOr<HttpRequest> Redirected(HttpRequest request, const HttpResponse& response);

// Whether `status` is one of the redirects.
bool IsRedirect(int status);

}  // namespace rerankd
