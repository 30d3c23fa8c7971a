#include "util/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <system_error>

namespace rerankd {
namespace {

constexpr std::string_view kUnix = "unix:";

bool MayBeInSocketPath(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         std::string_view("/._-~+=@:").find(c) != std::string_view::npos;
}

absl::StatusOr<ListenAddress> ParseUnix(std::string_view path) {
  // With its terminating 0 it fits into the operating system's structure.
  constexpr size_t kMaxPath = sizeof(sockaddr_un::sun_path) - 1;
  if (path.starts_with("///")) path.remove_prefix(2);
  if (path.empty() || path.size() > kMaxPath || path.starts_with("//") || path.ends_with('/') ||
      !std::ranges::all_of(path, MayBeInSocketPath)) {
    return absl::InvalidArgumentError(
        fmt::format("must name a path of 1 to {} bytes after \"unix:\", of letters, digits and "
                    "/ . _ - ~ + = @ :, for example unix:/run/rerankd/rerankd.sock",
                    kMaxPath));
  }
  return ListenAddress{.unix_path = std::string(path)};
}

}  // namespace

absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text) {
  if (text.starts_with(kUnix)) return ParseUnix(text.substr(kUnix.size()));
  ListenAddress address;
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

bool IsSame(const ListenAddress& a, const ListenAddress& b) {
  if (!a.unix_path.empty() || !b.unix_path.empty()) return a.unix_path == b.unix_path;
  return a.host == b.host && a.port == b.port && a.port != 0;
}

bool Overlap(const ListenAddress& a, const ListenAddress& b) {
  if (IsSame(a, b)) return true;
  if (!a.unix_path.empty() || !b.unix_path.empty() || a.port != b.port || a.port == 0) return false;
  const auto covers = [](const std::string& every, const std::string& host) {
    if (every == "::") return true;  // gRPC listens over both protocols
    return every == "0.0.0.0" && host.find(':') == std::string::npos;
  };
  return covers(a.host, b.host) || covers(b.host, a.host);
}

bool IsLocal(const ListenAddress& address) {
  if (!address.unix_path.empty() || address.host == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, address.host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, address.host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

}  // namespace rerankd
