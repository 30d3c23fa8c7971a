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

// What they come to, with the files read and found to be good and to belong together; target and
// deadline are left as they are. INVALID_ARGUMENT names the file or option at fault.
absl::StatusOr<Client::Options> ConnectionOptions(const ConnectionArguments& arguments);

// What may help when `target` was not reached, after the words of gRPC in `status`, which are all
// that is known; empty: nothing. Says "may" where they leave more than one reason.
std::string ConnectionAdvice(const absl::Status& status, const ConnectionArguments& arguments,
                             const std::string& target);

}  // namespace rerankd::client
