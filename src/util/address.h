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

// "host:port", "[ipv6]:port" or "unix:/path" (gRPC's "unix:///path" is the same). A path has only
// characters that gRPC, which takes it for a part of a URI, leaves as they are. INVALID_ARGUMENT
// says what it must be.
absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text);

// Whether both name one place, which can be listened on once only. Two free ports (port 0) are two
// places. Names are not looked up.
bool IsSame(const ListenAddress& a, const ListenAddress& b);

// Whether listening on one leaves no room for the other: they are the same, or one is every address
// of the machine (0.0.0.0, [::]) at the other's port.
bool Overlap(const ListenAddress& a, const ListenAddress& b);

// Whether nobody beyond this machine reaches the address: a Unix socket, "localhost", 127.0.0.0/8
// or ::1. Other names count as reachable; they are not looked up.
bool IsLocal(const ListenAddress& address);

}  // namespace rerankd
