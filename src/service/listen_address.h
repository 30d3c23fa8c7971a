// Where the server listens.
#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace rerankd {

// Whether a server could listen on "host:port", "[ipv6]:port" or "unix:/path" now. gRPC itself
// only says that it could not, binds a name of several addresses as far as it gets, and takes a
// Unix socket away from whoever serves it. INVALID_ARGUMENT: not such an address.
// FAILED_PRECONDITION: it is in use, not of this machine, not permitted. May look up a host name.
absl::Status CheckListenAddress(std::string_view address);

// What of it is true whether or not a server runs already: the form of the address and, of a Unix
// socket, its folder and that what is in its place may be replaced. Errors are as of
// CheckListenAddress().
absl::Status CheckListenFile(std::string_view address);

}  // namespace rerankd
