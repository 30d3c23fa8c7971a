#include "util/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <charconv>
#include <cstdint>
#include <system_error>

namespace rerankd {

absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text) {
  constexpr std::string_view kUnix = "unix:";
  ListenAddress address;
  if (text.starts_with(kUnix)) {
    // With its terminating 0 it fits into the operating system's structure.
    constexpr size_t kMaxPath = sizeof(sockaddr_un::sun_path) - 1;
    address.unix_path = text.substr(kUnix.size());
    if (!address.unix_path.empty() && address.unix_path.size() <= kMaxPath) return address;
    return absl::InvalidArgumentError(
        fmt::format("must name a path of 1 to {} bytes after \"unix:\"", kMaxPath));
  }
  const size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, colon == std::string_view::npos ? 0 : colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const std::string_view digits = text.substr(colon + 1);
  uint16_t port = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (host.empty() || (!bracketed && host.find_first_of(":[]") != std::string_view::npos) ||
      parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) {
    return absl::InvalidArgumentError(
        "must be host:port (port 0 to 65535), [ipv6]:port or unix:/path, for example "
        "127.0.0.1:50051");
  }
  address.host = host;
  address.port = port;
  return address;
}

bool IsLocal(const ListenAddress& address) {
  if (!address.unix_path.empty() || address.host == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, address.host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, address.host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace rerankd
