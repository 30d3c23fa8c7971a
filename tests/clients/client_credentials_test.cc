// What a client says of itself, and whom it trusts: TLS, API key, metadata.
#include <gmock/gmock.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <string>

#include "rerank/v1/rerank.grpc.pb.h"
#include "rerankd/client.h"
#include "support/run_program.h"
#include "support/temp_dir.h"

namespace rerankd::client {
namespace {

using ::testing::Contains;
using ::testing::Pair;

// Remembers the metadata of its last call. Names no model.
class Recorder : public rerank::v1::RerankService::Service {
 public:
  grpc::Status Rerank(grpc::ServerContext* context, const rerank::v1::RerankRequest*,
                      rerank::v1::RerankResponse*) override {
    metadata.clear();
    for (const auto& [name, value] : context->client_metadata()) {
      metadata.emplace(std::string(name.data(), name.size()),
                       std::string(value.data(), value.size()));
    }
    return grpc::Status::OK;
  }

  std::multimap<std::string, std::string> metadata;
};

class ClientCredentialsTest : public testing::Test {
 protected:
  // Returns the address.
  std::string Serve(const std::shared_ptr<grpc::ServerCredentials>& credentials) {
    int port = 0;
    server_ = grpc::ServerBuilder()
                  .AddListeningPort("127.0.0.1:0", credentials, &port)
                  .RegisterService(&recorder_)
                  .BuildAndStart();
    return "127.0.0.1:" + std::to_string(port);
  }

  TempDir folder_;
  Recorder recorder_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(ClientCredentialsTest, SendsKeysAndMetadata) {
  Client client({.target = Serve(grpc::InsecureServerCredentials()),
                 .api_key = "secret",
                 .metadata = {{"x-tenant", "one two"}}});
  ASSERT_TRUE(client.Rerank("q", {}, {.request_id = "id", .provider_key = "own"}).ok());
  EXPECT_THAT(recorder_.metadata, Contains(Pair("authorization", "Bearer secret")));
  EXPECT_THAT(recorder_.metadata, Contains(Pair("x-tenant", "one two")));
  EXPECT_THAT(recorder_.metadata, Contains(Pair("x-request-id", "id")));
  EXPECT_THAT(recorder_.metadata, Contains(Pair("x-rerank-provider-key", "own")));
}

TEST_F(ClientCredentialsTest, TrustsTheAuthorityThatItIsGivenAndNoOther) {
  const std::string certificate = (folder_.path() / "certificate.pem").string();
  const std::string key = (folder_.path() / "key.pem").string();
  const Outcome made =
      RunProgram("/usr/bin/env",
                 {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                  "-nodes", "-days", "2", "-subj", "/CN=rerankd.test", "-addext",
                  "subjectAltName=DNS:rerankd.test", "-keyout", key, "-out", certificate},
                 folder_, "", {"PATH=/usr/bin:/bin"});
  ASSERT_EQ(made.code, 0) << made.err;
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back({Slurp(key), Slurp(certificate)});
  const std::string target = Serve(grpc::SslServerCredentials(options));
  const auto code = [&](std::optional<TlsOptions> tls) {
    return Client({.target = target, .retry = {.max_attempts = 1}, .tls = std::move(tls)})
        .Rerank("q", {})
        .status()
        .code();
  };
  const std::string pem = Slurp(certificate);
  EXPECT_EQ(code(TlsOptions{.root_certificates = pem, .server_name = "rerankd.test"}),
            absl::StatusCode::kOk);
  EXPECT_EQ(code(TlsOptions{.root_certificates = pem}), absl::StatusCode::kUnavailable)
      << "the certificate is for another name";
  EXPECT_EQ(code(TlsOptions{.server_name = "rerankd.test"}), absl::StatusCode::kUnavailable)
      << "the system does not know this authority";
  EXPECT_EQ(code(std::nullopt), absl::StatusCode::kUnavailable) << "plain text";
}

}  // namespace
}  // namespace rerankd::client
