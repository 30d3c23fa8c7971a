// Addresses as settings spell them.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace rerankd {

struct ListenAddress {
  std::string unix_path;  // not empty: a Unix socket, and the rest means nothing
  std::string host;       // a name, an IPv4 address, or an IPv6 address without its brackets
  int port = 0;           // 0: any free one
};

// "host:port", "[ipv6]:port" or "unix:/path". INVALID_ARGUMENT says what it must be.
absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text);

// Whether nobody beyond this machine reaches the address: a Unix socket, "localhost", 127.0.0.0/8
// or
// ::1. Other names count as reachable; they are not looked up.
bool IsLocal(const ListenAddress& address);

}  // namespace rerankd
