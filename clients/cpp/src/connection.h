// How rerankctl reaches a server that asks for keys or certificates.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "rerankd/client.h"

namespace rerankd::client {

struct ConnectionArguments {
  bool tls = false;
  std::string ca_file;  // this and the next mean TLS, too
  std::string certificate_file;
  std::string key_file;
  std::string server_name;
  std::string api_key;
  std::string api_key_file;  // wins over api_key
};

// The flags; api_key also comes from RERANKD_API_KEY, since others on the machine can see flags.
void AddConnectionOptions(CLI::App& app, ConnectionArguments& arguments);

// What they come to, with the files read; target and deadline are left as they are.
// INVALID_ARGUMENT names the file or option at fault.
absl::StatusOr<Client::Options> ConnectionOptions(const ConnectionArguments& arguments);

}  // namespace rerankd::client
