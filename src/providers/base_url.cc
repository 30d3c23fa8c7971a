#include "providers/base_url.h"

#include <fmt/format.h>

#include <algorithm>

#include "http/url.h"
#include "util/printable.h"

namespace rerankd {
namespace {

// Names that leave this machine for nobody, without asking a resolver.
bool IsLoopback(std::string_view host) {
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  if (host == "::1" || host == "[::1]") return true;
  return host.starts_with("127.") &&
         std::ranges::all_of(host, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

}  // namespace

absl::StatusOr<std::string> CheckBaseUrl(std::string_view text, bool allow_http) {
  // Before anything quotes it: what stands before the @ may be a password.
  const size_t authority = text.find("//");
  const std::string_view rest =
      authority == std::string_view::npos ? "" : text.substr(authority + 2);
  if (rest.substr(0, rest.find_first_of("/?#")).find('@') != std::string_view::npos) {
    return absl::InvalidArgumentError("must not hold a user name or password");
  }
  if (text.find_first_of("?#") != std::string_view::npos) {
    return absl::InvalidArgumentError("must not hold a query (?) or a fragment (#)");
  }
  const absl::StatusOr<Url> url = ParseUrl(text);
  if (!url.ok()) {
    return absl::InvalidArgumentError(
        "must be an http or https URL, for example "
        "https://rerank.example.com/v1");
  }
  if (url->scheme == "http" && !allow_http && !IsLoopback(url->host)) {
    return absl::InvalidArgumentError(fmt::format(
        "must be https, because every call to {} carries the texts and the key; \"allow_http: "
        "true\" permits http all the same",
        Printable(url->host)));
  }
  std::string out = url->text;
  while (out.ends_with('/')) out.pop_back();
  return out;
}

std::string JoinUrl(std::string_view base_url, std::string_view path) {
  while (base_url.ends_with('/')) base_url.remove_suffix(1);
  // The longest piece first, from slash to slash.
  for (size_t end = path.size(); end != 0 && end != std::string_view::npos;
       end = end == 0 ? 0 : path.rfind('/', end - 1)) {
    if (base_url.ends_with(path.substr(0, end))) {
      return fmt::format("{}{}", base_url, path.substr(end));
    }
  }
  return fmt::format("{}{}", base_url, path);
}

}  // namespace rerankd
