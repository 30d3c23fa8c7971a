// What rerankctl says when it and the real server do not agree about TLS.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "connection.h"
#include "security/tls_files.h"
#include "support/rerank_test_server.h"
#include "support/run_program.h"
#include "support/temp_dir.h"
#include "support/test_certificates.h"

namespace rerankd::client {
namespace {

using ::testing::HasSubstr;

class RerankctlTlsTest : public testing::Test {
 protected:
  RerankctlTlsTest() {
    folder_.Write("ca.pem", authority_.certificate());
    folder_.Write("stranger.pem", TestAuthority("stranger").certificate());
    Write("server", authority_.Issue({}));
    Write("client", authority_.Issue({.name = "client"}));
    Write("foreign", TestAuthority("stranger").Issue({.name = "client"}));
  }

  std::string Path(const std::string& name) const { return (folder_.path() / name).string(); }

  // With TLS; `mutual`: which asks for a certificate.
  std::unique_ptr<RerankTestServer> Serve(bool mutual) const {
    TlsFiles files{.certificate = Path("server.pem"), .key = Path("server.key")};
    if (mutual) files.client_ca = Path("ca.pem");
    auto source = WatchTlsFiles(files, [](const absl::Status&) {}, {});
    EXPECT_TRUE(source.ok()) << source.status();
    ServerSecurity security;
    security.tls = *std::move(source);
    return std::make_unique<RerankTestServer>(RerankTestServer::FreePort(), security);
  }

  Outcome Models(const std::string& target, std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"models", "--target", target, "--retries", "0"});
    return RunProgram(RERANKCTL, std::move(arguments), folder_, "", {});
  }

  const TestAuthority authority_;
  const TempDir folder_;

 private:
  void Write(const std::string& name, const PemPair& pair) const {
    folder_.Write(name + ".pem", pair.certificate);
    folder_.Write(name + ".key", pair.key);
  }
};

TEST_F(RerankctlTlsTest, AServerThatSpeaksTls) {
  const auto server = Serve(/*mutual=*/false);
  const std::string target = server->address();
  EXPECT_EQ(Models(target, {"--ca-file", Path("ca.pem")}).code, 0);

  const Outcome plain = Models(target, {});
  EXPECT_EQ(plain.code, 1);
  EXPECT_THAT(plain.err, HasSubstr("may speak TLS (try --tls, or --ca-file CA.pem)"));
  EXPECT_THAT(plain.err, testing::StartsWith("rerankctl: UNAVAILABLE")) << "no log of gRPC's";

  for (const std::vector<std::string>& trust :
       {std::vector<std::string>{"--tls"}, {"--ca-file", Path("stranger.pem")}}) {
    const Outcome stranger = Models(target, trust);
    EXPECT_EQ(stranger.code, 1);
    EXPECT_THAT(stranger.err, HasSubstr("name the authority that signed it by --ca-file"));
  }

  const Outcome misnamed =
      Models(target, {"--ca-file", Path("ca.pem"), "--server-name", "elsewhere.test"});
  EXPECT_EQ(misnamed.code, 1);
  EXPECT_THAT(misnamed.err, HasSubstr("is for another name: say which by --server-name"));
}

TEST_F(RerankctlTlsTest, AServerThatAsksForACertificate) {
  const auto server = Serve(/*mutual=*/true);
  const std::string target = server->address();
  const auto with = [&](const std::string& pair) {
    return Models(target, {"--ca-file", Path("ca.pem"), "--cert-file", Path(pair + ".pem"),
                           "--key-file", Path(pair + ".key")});
  };
  EXPECT_EQ(with("client").code, 0);

  const Outcome none = Models(target, {"--ca-file", Path("ca.pem")});
  EXPECT_EQ(none.code, 1);
  EXPECT_THAT(none.err,
              HasSubstr("may ask for a certificate of yours (--cert-file and --key-file)"));

  const Outcome foreign = with("foreign");
  EXPECT_EQ(foreign.code, 1);
  EXPECT_THAT(foreign.err, HasSubstr("may not accept what is in --cert-file"));
}

TEST_F(RerankctlTlsTest, AServerThatDoesNotSpeakTls) {
  const RerankTestServer server;
  const Outcome outcome = Models(server.address(), {"--tls"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("does not speak TLS: leave out --tls"));
}

// Nobody listens: the files are looked at before.
TEST_F(RerankctlTlsTest, FilesThatAreNoGood) {
  const auto refusal = [&](std::vector<std::string> arguments) {
    const Outcome outcome = Models("unix:" + Path("nobody"), std::move(arguments));
    EXPECT_EQ(outcome.code, 2);
    return outcome.err;
  };
  EXPECT_EQ(refusal({"--cert-file", Path("client.pem"), "--key-file", Path("server.key")}),
            "rerankctl: --key-file " + Path("server.key") +
                ": is not the key of the certificate in " + Path("client.pem") + "\n");
  EXPECT_THAT(refusal({"--cert-file", Path("client.key"), "--key-file", Path("client.key")}),
              HasSubstr("--cert-file " + Path("client.key") + ": holds no certificate"));
  EXPECT_THAT(refusal({"--ca-file", Path("ca.pem"), "--cert-file", Path("client.pem")}),
              HasSubstr("--cert-file and --key-file go together"));
  EXPECT_THAT(refusal({"--ca-file", Path("client.key")}),
              HasSubstr("--ca-file " + Path("client.key") + ": holds no certificate"));
}

TEST(ConnectionAdviceTest, IsForWhatWasNotReached) {
  const auto advice = [](const absl::Status& status) {
    return ConnectionAdvice(status, {}, "host:1");
  };
  EXPECT_EQ(advice(absl::UnavailableError("Connection refused")),
            "is rerankd running at host:1? (--target)");
  EXPECT_EQ(advice(absl::NotFoundError("Socket closed")), "");
}

}  // namespace
}  // namespace rerankd::client
