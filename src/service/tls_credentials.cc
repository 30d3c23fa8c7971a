#include "service/tls_credentials.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include <chrono>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "util/mutex.h"
#include "util/no_throw.h"

namespace rerankd {
namespace {

// gRPC asks the C callback before each handshake, one after the other for each socket that it
// listens on; a name with two addresses has two. The C++ API has no way to it, but lets a subclass
// add its port.
class TlsCredentials final : public grpc::ServerCredentials {
 public:
  TlsCredentials(std::shared_ptr<TlsSource> source, bool require_client_certificate)
      : source_(std::move(source)) {
    const bool asks = !source_->Get(Now())->client_ca.empty();
    const auto request = !asks ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                         : require_client_certificate
                             ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                             : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY;
    credentials_ = grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(request, &Fetch, this));
  }
  ~TlsCredentials() override { grpc_server_credentials_release(credentials_); }
  TlsCredentials(const TlsCredentials&) = delete;
  TlsCredentials& operator=(const TlsCredentials&) = delete;

  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

 private:
  static TimePoint Now() { return std::chrono::steady_clock::now(); }

  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  static grpc_ssl_certificate_config_reload_status Fetch(
      void* self, grpc_ssl_server_certificate_config** config) {
    auto status = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    (void)WithoutThrowing([&] {
      status = static_cast<TlsCredentials*>(self)->Fetch(config);
      return absl::OkStatus();
    });
    return status;
  }

  grpc_ssl_certificate_config_reload_status Fetch(grpc_ssl_server_certificate_config** config)
      RERANKD_EXCLUDES(mutex_) {
    std::shared_ptr<const TlsMaterial> current = source_->Get(Now());
    const MutexLock lock(mutex_);
    if (current == given_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    const grpc_ssl_pem_key_cert_pair pair{current->key.c_str(), current->certificates.c_str()};
    // gRPC 1.51 aborts without any roots, also where it never asks a client for a certificate: then
    // they mean nothing, and the server's own will do.
    const std::string& roots =
        current->client_ca.empty() ? current->certificates : current->client_ca;
    *config = grpc_ssl_server_certificate_config_create(roots.c_str(), &pair, 1);
    given_ = std::move(current);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  const std::shared_ptr<TlsSource> source_;
  grpc_server_credentials* credentials_ = nullptr;
  Mutex mutex_;
  std::shared_ptr<const TlsMaterial> given_ RERANKD_GUARDED_BY(mutex_);  // what gRPC has
};

}  // namespace

std::shared_ptr<grpc::ServerCredentials> MakeTlsCredentials(std::shared_ptr<TlsSource> source,
                                                            bool require_client_certificate) {
  return std::make_shared<TlsCredentials>(std::move(source), require_client_certificate);
}

}  // namespace rerankd
