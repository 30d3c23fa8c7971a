#include "connection.h"

#include <fmt/format.h>

#include <chrono>
#include <string_view>
#include <utility>

#include "security/tls_files.h"
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

bool UsesTls(const ConnectionArguments& arguments) {
  return arguments.tls || !arguments.ca_file.empty() || !arguments.certificate_file.empty();
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
  if (!UsesTls(arguments)) return options;
  TlsOptions& tls = options.tls.emplace();
  tls.server_name = arguments.server_name;
  // gRPC would only log what is wrong with them, and say that no server was found.
  auto files = LoadTlsFiles({.certificate = arguments.certificate_file,
                             .key = arguments.key_file,
                             .client_ca = arguments.ca_file},
                            std::chrono::system_clock::now(),
                            {.certificate = "--cert-file", .key = "--key-file", .ca = "--ca-file"});
  if (!files.ok()) return absl::InvalidArgumentError(std::string(files.status().message()));
  tls.root_certificates = std::move(files->client_ca);
  tls.certificate_chain = std::move(files->certificates);
  tls.private_key = std::move(files->key);
  return options;
}

std::string ConnectionAdvice(const absl::Status& status, const ConnectionArguments& arguments,
                             const std::string& target) {
  // With a reason it is the server's own word: it was reached.
  if (status.code() != absl::StatusCode::kUnavailable || !DetailsOf(status).reason.empty()) {
    return "";
  }
  const std::string message(status.message());
  const auto says = [&](std::string_view words) { return message.find(words) != message.npos; };
  const bool hung_up = says("Socket closed") || says("onnection reset") || says("Broken pipe");
  if (says("wrong version number")) {
    return fmt::format("what answers at {} does not speak TLS: leave out {}", target,
                       "--tls, --ca-file and --cert-file, or name another --target");
  }
  if (says("certificate verify failed")) {
    return "the server's certificate is not trusted: name the authority that signed it by "
           "--ca-file "
           "(or it is out of date)";
  }
  if (says("is not in peer certificate")) {
    return "the server's certificate is for another name: say which by --server-name";
  }
  if (hung_up && !UsesTls(arguments)) {
    return fmt::format("{} hung up: it may speak TLS (try --tls, or --ca-file CA.pem)", target);
  }
  if (hung_up && arguments.certificate_file.empty()) {
    return fmt::format("{} hung up: it may ask for a certificate of yours ({})", target,
                       "--cert-file and --key-file");
  }
  if (hung_up) return fmt::format("{} hung up: it may not accept what is in --cert-file", target);
  return fmt::format("is rerankd running at {}? (--target)", target);
}

}  // namespace rerankd::client
