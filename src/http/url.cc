#include "http/url.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "util/printable.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

constexpr size_t kMaxUrlBytes = 8192;
constexpr size_t kShownBytes = 120;

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using UrlHandle = std::unique_ptr<CURLU, FreeUrl>;

absl::Status Invalid(std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError(fmt::format(
      "\"{}\" cannot be used as a URL: {}", Printable(WithoutUserInfo(text), kShownBytes), why));
}

// Puts `text` into `url`, relative to what is in there.
absl::Status SetUrl(CURLU* url, std::string_view text) {
  if (text.size() > kMaxUrlBytes) {
    return Invalid(text, fmt::format("longer than {} bytes", kMaxUrlBytes));
  }
  if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7F; })) {
    return Invalid(text, "it holds a control character");
  }
  const CURLUcode code = curl_url_set(url, CURLUPART_URL, std::string(text).c_str(),
                                      CURLU_DISALLOW_USER | CURLU_URLENCODE);
  if (code == CURLUE_USER_NOT_ALLOWED) return Invalid(text, "it holds a user name");
  if (code != CURLUE_OK) return Invalid(text, curl_url_strerror(code));
  return absl::OkStatus();
}

std::string Part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* value = nullptr;
  if (curl_url_get(url, part, &value, flags) != CURLUE_OK) return "";
  std::string text(value);
  curl_free(value);
  return text;
}

absl::StatusOr<Url> Checked(CURLU* handle, std::string_view text) {
  curl_url_set(handle, CURLUPART_FRAGMENT, nullptr, 0);
  Url url{.text = Part(handle, CURLUPART_URL),
          .scheme = Part(handle, CURLUPART_SCHEME),
          .host = Part(handle, CURLUPART_HOST),
          .port = Part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT)};
  if (url.scheme != "http" && url.scheme != "https") {
    return Invalid(text, "it is neither http nor https");
  }
  if (url.host.empty()) return Invalid(text, "it names no host");
  for (char& c : url.host) {
    if (static_cast<unsigned char>(c) > 0x7E) return Invalid(text, "its host name is not ASCII");
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (url.text.empty() || url.text.size() > kMaxUrlBytes) {
    return Invalid(text, fmt::format("longer than {} bytes", kMaxUrlBytes));
  }
  return url;
}

UrlHandle NewUrl() { return UrlHandle(curl_url()); }

}  // namespace

absl::StatusOr<Url> ParseUrl(std::string_view text) {
  const UrlHandle handle = NewUrl();
  RERANKD_RETURN_IF_ERROR(SetUrl(handle.get(), text));
  return Checked(handle.get(), text);
}

std::string WithoutUserInfo(std::string_view text) {
  // A password may hold anything, so that only the last @ is sure to be behind it, and what looks
  // like a scheme may be a part of it.
  const size_t at = text.rfind('@');
  if (at == std::string_view::npos) return std::string(text);
  std::string_view scheme;
  for (const std::string_view known : {"http://", "https://"}) {
    if (text.starts_with(known)) scheme = known;
  }
  return fmt::format("{}***{}", scheme, text.substr(at));
}

bool SameOrigin(const Url& a, const Url& b) {
  return a.scheme == b.scheme && a.host == b.host && a.port == b.port;
}

std::string EscapeForUrl(std::string_view text, bool keep_slashes) {
  constexpr std::string_view kUnreserved =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (kUnreserved.find(c) != std::string_view::npos || (keep_slashes && c == '/')) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

absl::StatusOr<HttpRequest> Redirected(HttpRequest request, const HttpResponse& response) {
  const UrlHandle handle = NewUrl();
  RERANKD_RETURN_IF_ERROR(SetUrl(handle.get(), request.url));
  RERANKD_ASSIGN_OR_RETURN(const Url from, Checked(handle.get(), request.url));
  const auto location = response.Header("Location");
  if (!location.has_value() || location->empty()) {
    return absl::FailedPreconditionError(
        fmt::format("{} redirects (HTTP {}) without saying where to", from.host, response.status));
  }
  absl::StatusOr<Url> to = absl::InternalError("");
  if (absl::Status set = SetUrl(handle.get(), *location); set.ok()) {
    to = Checked(handle.get(), *location);
  } else {
    to = std::move(set);
  }
  if (!to.ok()) {
    return absl::FailedPreconditionError(fmt::format("{} redirects to a place that is refused: {}",
                                                     from.host,
                                                     std::string(to.status().message())));
  }
  if (from.scheme == "https" && to->scheme == "http") {
    return absl::FailedPreconditionError(fmt::format(
        "{} redirects from https to http at {}, which is refused: anybody between could change "
        "the files",
        from.host, to->host));
  }
  if (!SameOrigin(from, *to)) request.secret_headers.clear();
  request.url = to->text;
  return request;
}

}  // namespace rerankd
