#include "config/collector_address.h"

#include <fmt/format.h>

#include "http/url.h"

namespace rerankd {

absl::StatusOr<CollectorAddress> ParseCollectorAddress(std::string_view text) {
  constexpr std::string_view kSchemeEnd = "://";
  const std::string url = text.find(kSchemeEnd) == std::string_view::npos
                              ? fmt::format("http://{}", text)
                              : std::string(text);
  const auto parsed = ParseUrl(url);
  std::string_view authority = url;
  authority.remove_prefix(authority.find(kSchemeEnd) + kSchemeEnd.size());
  if (authority.ends_with('/')) authority.remove_suffix(1);
  if (!parsed.ok() || authority.find_first_of("/?#") != std::string_view::npos) {
    return absl::InvalidArgumentError(
        "must be host:port, http://host:port or https://host:port of a collector that takes "
        "OTLP over gRPC, for example 127.0.0.1:4317");
  }
  // Not a colon within an IPv6 address.
  const size_t colon = authority.rfind(':');
  const size_t bracket = authority.rfind(']');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  return CollectorAddress{fmt::format("dns:///{}{}", authority, has_port ? "" : ":4317"),
                          parsed->scheme == "https"};
}

}  // namespace rerankd
