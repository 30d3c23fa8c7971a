#include "connection.h"

#include <utility>

#include "util/file.h"
#include "util/status_macros.h"

namespace rerankd::client {
namespace {

constexpr size_t kMaxFileBytes = size_t{1} << 20;

absl::StatusOr<std::string> Read(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path, kMaxFileBytes);
  if (text.ok()) return text;
  return absl::InvalidArgumentError(std::string(text.status().message()));
}

absl::StatusOr<std::string> KeyOf(const ConnectionArguments& arguments) {
  if (arguments.api_key_file.empty()) return arguments.api_key;
  RERANKD_ASSIGN_OR_RETURN(std::string key, Read(arguments.api_key_file));
  while (key.ends_with('\n') || key.ends_with('\r')) key.pop_back();
  if (key.empty()) return absl::InvalidArgumentError(arguments.api_key_file + ": holds no key");
  return key;
}

}  // namespace

void AddConnectionOptions(CLI::App& app, ConnectionArguments& arguments) {
  app.add_flag("--tls", arguments.tls, "encrypt, and trust the system's certificates");
  app.add_option("--ca-file", arguments.ca_file, "encrypt, and trust these certificates (PEM)");
  app.add_option("--cert-file", arguments.certificate_file,
                 "encrypt, and show this certificate (PEM)");
  app.add_option("--key-file", arguments.key_file, "the certificate's key (PEM)");
  app.add_option("--server-name", arguments.server_name,
                 "the name in the server's certificate (default: the host of --target)");
  app.add_option("--api-key", arguments.api_key, "sent as \"authorization: Bearer KEY\"")
      ->envname("RERANKD_API_KEY");
  app.add_option("--api-key-file", arguments.api_key_file, "a file that holds the API key");
}

absl::StatusOr<Client::Options> ConnectionOptions(const ConnectionArguments& arguments) {
  Client::Options options;
  RERANKD_ASSIGN_OR_RETURN(options.api_key, KeyOf(arguments));
  if (arguments.certificate_file.empty() != arguments.key_file.empty()) {
    return absl::InvalidArgumentError("--cert-file and --key-file go together");
  }
  if (!arguments.tls && arguments.ca_file.empty() && arguments.certificate_file.empty()) {
    return options;
  }
  TlsOptions& tls = options.tls.emplace();
  tls.server_name = arguments.server_name;
  if (!arguments.ca_file.empty()) {
    RERANKD_ASSIGN_OR_RETURN(tls.root_certificates, Read(arguments.ca_file));
  }
  if (!arguments.certificate_file.empty()) {
    RERANKD_ASSIGN_OR_RETURN(tls.certificate_chain, Read(arguments.certificate_file));
    RERANKD_ASSIGN_OR_RETURN(tls.private_key, Read(arguments.key_file));
  }
  return options;
}

}  // namespace rerankd::client
