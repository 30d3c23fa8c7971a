// Certificates, keys and Unix sockets, with the real program.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "http/curl_http_client.h"
#include "integration/fixtures.h"
#include "support/metrics_text.h"
#include "support/run_program.h"
#include "support/temp_dir.h"
#include "support/test_certificates.h"
#include "util/file.h"

namespace rerankd {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Whether `condition` comes true while a test has patience.
bool Eventually(const std::function<bool()>& condition) {
  const auto give_up = std::chrono::steady_clock::now() + Process::kPatience;
  while (std::chrono::steady_clock::now() < give_up) {
    if (condition()) return true;
    if (testing::Test::HasFailure()) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

// The only line that a server which does not start has to say.
std::string Refusal(std::vector<std::string> arguments, int code = 1) {
  ServerProcess server(std::move(arguments));
  EXPECT_EQ(server.Wait(), code);
  const std::string err = server.err();
  EXPECT_EQ(std::count(err.begin(), err.end(), '\n'), 1) << err;
  return err;
}

std::vector<std::string> WithModel(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--model-path", TestModel("tiny-cross-encoder")});
  return arguments;
}

grpc::Status Rerank(const std::shared_ptr<grpc::Channel>& channel, const std::string& key = "") {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + Process::kPatience);
  if (!key.empty()) context.AddMetadata("authorization", "Bearer " + key);
  rerank::v1::RerankResponse response;
  return rerank::v1::RerankService::NewStub(channel)->Rerank(&context, MakeRequest("q", {"a b"}),
                                                             &response);
}

class TlsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { setenv("no_proxy", "*", 1); }

  TlsTest() {
    WriteServer(authority_.Issue({.name = "first"}));
    folder_.Write("ca.crt", authority_.certificate());
  }

  void WriteServer(const PemPair& pair) const {
    folder_.Write("tls.crt", pair.certificate);
    folder_.Write("tls.key", pair.key);
  }
  std::string Path(const std::string& name) const { return (folder_.path() / name).string(); }

  std::vector<std::string> Arguments(std::vector<std::string> more = {}) const {
    more.insert(more.end(), {"--tls-certificate", Path("tls.crt"), "--tls-key", Path("tls.key")});
    return WithModel(std::move(more));
  }
  std::vector<std::string> MutualArguments(std::vector<std::string> more = {}) const {
    more.insert(more.end(), {"--tls-client-ca", Path("ca.crt")});
    return Arguments(std::move(more));
  }

  // A new connection that trusts our authority and shows `pair`.
  std::shared_ptr<grpc::Channel> DialTls(const std::string& address,
                                         const PemPair& pair = {}) const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(
        address,
        grpc::SslCredentials({.pem_root_certs = authority_.certificate(),
                              .pem_private_key = pair.key,
                              .pem_cert_chain = pair.certificate}),
        arguments);
  }

  // The common name of the certificate that the server shows to a new connection; "" when there
  // can be none.
  std::string NameShown(const std::string& address, const PemPair& pair = {}) const {
    grpc::ClientContext context;
    rerank::v1::ListModelsResponse response;
    const auto channel = DialTls(address, pair);
    if (!rerank::v1::RerankService::NewStub(channel)->ListModels(&context, {}, &response).ok()) {
      return "";
    }
    const auto names = context.auth_context()->FindPropertyValues("x509_common_name");
    return names.empty() ? "" : std::string(names[0].data(), names[0].size());
  }

  const TempDir folder_;
  const TestAuthority authority_;
  const PemPair client_ = authority_.Issue({.name = "client"});
};

TEST_F(TlsTest, OnlyWithAClientCertificateOfTheAuthority) {
  ServerProcess server(MutualArguments());
  const std::string address = server.Address();
  EXPECT_EQ(NameShown(address, client_), "first");
  EXPECT_FALSE(Rerank(DialTls(address)).ok());
  const TestAuthority stranger("stranger");
  EXPECT_FALSE(Rerank(DialTls(address, stranger.Issue({.name = "client"}))).ok());
  const PemPair expired = authority_.Issue({.begins = hours(-48), .ends = hours(-24)});
  EXPECT_FALSE(Rerank(DialTls(address, expired)).ok());
  EXPECT_FALSE(Rerank(Dial(address)).ok()) << "without TLS";
  EXPECT_TRUE(Rerank(DialTls(address, client_)).ok());
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
}

TEST_F(TlsTest, AClientCertificateMayBeLeftToTheClient) {
  ServerProcess server(MutualArguments({"--tls-require-client-certificate", "false"}));
  const std::string address = server.Address();
  EXPECT_TRUE(Rerank(DialTls(address)).ok());
  EXPECT_TRUE(Rerank(DialTls(address, client_)).ok());
  const TestAuthority stranger("stranger");
  EXPECT_FALSE(Rerank(DialTls(address, stranger.Issue({.name = "client"}))).ok());
}

// Whether the server goes on with a handshake of a client that speaks no later version.
bool Speaks(const std::string& address, int version) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  &SSL_CTX_free);
  SSL_CTX_set_security_level(context.get(), 0);  // else OpenSSL itself would not offer old versions
  SSL_CTX_set_cipher_list(context.get(), "ALL");
  SSL_CTX_set_min_proto_version(context.get(), version);
  SSL_CTX_set_max_proto_version(context.get(), version);
  BIO* const connection = BIO_new_ssl_connect(context.get());
  BIO_set_conn_hostname(connection, address.c_str());
  const bool done = BIO_do_connect(connection) == 1 && BIO_do_handshake(connection) == 1;
  BIO_free_all(connection);
  return done;
}

TEST_F(TlsTest, OldVersionsAreRefused) {
  ServerProcess server(Arguments());
  const std::string address = server.Address();
  EXPECT_FALSE(Speaks(address, TLS1_VERSION));
  EXPECT_FALSE(Speaks(address, TLS1_1_VERSION));
  EXPECT_TRUE(Speaks(address, TLS1_2_VERSION));
  EXPECT_TRUE(Speaks(address, TLS1_3_VERSION));
}

TEST_F(TlsTest, AReplacedCertificateIsForNewConnectionsAndOldOnesLiveOn) {
  ServerProcess server(Arguments());
  const std::string address = server.Address();
  const auto old = DialTls(address);
  EXPECT_TRUE(Rerank(old).ok());

  // Half of it: the old pair stays.
  const PemPair next = authority_.Issue({.name = "next"});
  folder_.Write("tls.crt", next.certificate);
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(NameShown(address), "first");
    return server.out().find("files changed and cannot be used") != std::string::npos;
  }));
  EXPECT_THAT(server.out(), HasSubstr("is not the key of the certificate"));

  folder_.Write("tls.key", next.key);
  EXPECT_TRUE(Eventually([&] { return NameShown(address) == "next"; }));
  EXPECT_EQ(old->GetState(false), GRPC_CHANNEL_READY);
  EXPECT_TRUE(Rerank(old).ok());

  // One that has expired is no improvement.
  WriteServer(authority_.Issue({.name = "late", .begins = hours(-48), .ends = hours(-24)}));
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(NameShown(address), "next");
    return server.out().find("expired on") != std::string::npos;
  }));
}

TEST_F(TlsTest, ThatItExpiresSoonIsSaidAtTheStartAndForEachThatReplacesIt) {
  constexpr char kWarning[] = "the certificate expires soon";
  ServerProcess server(Arguments({"--metrics-listen", "127.0.0.1:0"}));
  ASSERT_NE(server.Address(), "");
  EXPECT_THAT(server.out(), AllOf(HasSubstr(kWarning), HasSubstr("subject=\"CN=first\"")));
  CurlHttpClient client({.user_agent = "test"});
  const std::string out = server.out();
  const size_t begin = out.find("metrics: address=") + 17;
  const std::string url = "http://" + out.substr(begin, out.find('\n', begin) - begin) + "/metrics";
  const auto days_left = [&] {
    const auto page = client.Send({.url = url}, nullptr, {});
    if (!page.ok()) return -1.0;
    const double at =
        MetricsText(page->body).Value("rerankd_tls_certificate_expiry_timestamp_seconds");
    const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
    return (at - now.count()) / (24 * 3600);
  };
  EXPECT_NEAR(days_left(), 1, 0.01);
  // Nobody connects: a scrape is enough.
  WriteServer(authority_.Issue({.name = "next", .ends = hours(24 * 10)}));
  EXPECT_TRUE(Eventually([&] { return days_left() > 9; }));
  ASSERT_TRUE(server.WaitForOutput("subject=\"CN=next\""));
  WriteServer(authority_.Issue({.name = "lasts", .ends = hours(24 * 90)}));
  EXPECT_TRUE(Eventually([&] { return days_left() > 89; }));
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
  EXPECT_THAT(server.out(), Not(HasSubstr("CN=lasts")));
}

TEST_F(TlsTest, ASecretOfKubernetesIsReplacedByItsLink) {
  const auto write = [&](const std::string& generation, const PemPair& pair) {
    folder_.Write("secret/" + generation + "/tls.crt", pair.certificate);
    folder_.Write("secret/" + generation + "/tls.key", pair.key);
    fs::remove(folder_.path() / "secret/..data_tmp");
    fs::create_symlink(generation, folder_.path() / "secret/..data_tmp");
    fs::rename(folder_.path() / "secret/..data_tmp", folder_.path() / "secret/..data");
  };
  write("..one", authority_.Issue({.name = "one"}));
  for (const char* const name : {"tls.crt", "tls.key"}) {
    fs::create_symlink(fs::path("..data") / name, folder_.path() / "secret" / name);
  }
  ServerProcess server(WithModel(
      {"--tls-certificate", Path("secret/tls.crt"), "--tls-key", Path("secret/tls.key")}));
  const std::string address = server.Address();
  EXPECT_EQ(NameShown(address), "one");
  write("..two", authority_.Issue({.name = "two"}));
  fs::remove_all(folder_.path() / "secret/..one");
  EXPECT_TRUE(Eventually([&] { return NameShown(address) == "two"; }));
  EXPECT_THAT(server.out(), Not(HasSubstr("cannot be used")));
}

TEST_F(TlsTest, AWrongPairIsRefusedAtTheStartAndByCheckConfig) {
  const auto refused = [&](const std::string& why) {
    EXPECT_THAT(Refusal(Arguments()), HasSubstr(why));
    std::vector<std::string> check = Arguments();
    check.insert(check.begin(), "check-config");
    EXPECT_THAT(Refusal(check, 2), HasSubstr(why));
  };
  WriteServer(authority_.Issue({.begins = hours(-48), .ends = hours(-24)}));
  refused("tls.crt: expired on 2");
  WriteServer(authority_.Issue({}));
  folder_.Write("tls.key", client_.key);
  refused("is not the key of the certificate");
  fs::remove(Path("tls.key"));
  refused("tls.key: cannot open: No such file or directory");
  EXPECT_THAT(Refusal(WithModel({"--tls-key", Path("tls.key")}), 2),
              HasSubstr("needs both certificate and key"));
}

class KeysTest : public testing::Test {
 protected:
  // Makes a key with rerankctl, and returns it with the line for the server.
  std::pair<std::string, std::string> Make(const std::vector<std::string>& arguments) const {
    std::vector<std::string> all = {"key"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const Outcome made = RunProgram(RERANKCTL, all, folder_, "", {});
    EXPECT_EQ(made.code, 0) << made.err;
    const size_t end = made.out.find('\n');
    return {made.out.substr(0, end), made.out.substr(end + 1)};
  }

  std::string Write(const std::string& text) const { return folder_.Write("keys", text).string(); }

  const TempDir folder_;
};

TEST_F(KeysTest, AreReplacedWithoutRestartAndNeverPrinted) {
  const auto [first, first_line] = Make({"search"});
  const auto [second, second_line] = Make({"search", "--admin"});
  const std::string file = Write(first_line);
  ServerProcess server(WithModel({"--keys-file", file, "--log-level", "debug", "--admin", "true"}));
  const auto channel = Dial(server.Address());
  EXPECT_TRUE(Rerank(channel, first).ok());
  EXPECT_EQ(Rerank(channel, second).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Rerank(channel).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Health(channel), "SERVING");

  Write(first_line + second_line);
  EXPECT_TRUE(Eventually([&] { return Rerank(channel, second).ok(); }));
  EXPECT_TRUE(Rerank(channel, first).ok());

  // A key in place of its hash: the old keys stay, and it is not printed.
  Write("search " + first + "\n");
  EXPECT_TRUE(Eventually([&] {
    EXPECT_TRUE(Rerank(channel, second).ok());
    return server.out().find("keys: line 1: after the tenant") != std::string::npos;
  }));
  Write(second_line);
  EXPECT_TRUE(Eventually([&] { return !Rerank(channel, first).ok(); }));
  EXPECT_TRUE(Rerank(channel, second).ok());
  EXPECT_EQ(Rerank(channel, "hushguess").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  fs::remove(file);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Rerank(channel, second).ok());

  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
  EXPECT_THAT(server.out(), HasSubstr("tenant=search"));
  for (const std::string& secret : {first, second, std::string("hushguess")}) {
    EXPECT_THAT(server.out() + server.err(), Not(HasSubstr(secret)));
  }
}

TEST_F(KeysTest, GrpcsOwnTracesDoNotPrintThem) {
  const auto [key, line] = Make({"search"});
  ServerProcess server(WithModel({"--keys-file", Write(line), "--log-level", "debug"}),
                       {"GRPC_VERBOSITY=DEBUG", "GRPC_TRACE=all"});
  EXPECT_TRUE(Rerank(Dial(server.Address()), key).ok());
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
  EXPECT_THAT(server.out(), HasSubstr("GRPC_TRACE is not heeded"));
  EXPECT_THAT(server.out(), HasSubstr("debug   gRPC: says=")) << "the rest of it is";
  EXPECT_THAT(server.out() + server.err(), Not(HasSubstr(key)));
}

TEST_F(KeysTest, OverTheQuotaACallIsRefusedAndToldWhenToComeBack) {
  const auto [key, line] = Make({"search", "--tokens-per-second", "1", "--burst", "3"});
  ServerProcess server(WithModel({"--keys-file", Write(line)}));
  const auto channel = Dial(server.Address());
  EXPECT_TRUE(Rerank(channel, key).ok());
  const grpc::Status refused = Rerank(channel, key);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(refused), "QUOTA_EXCEEDED");
  EXPECT_TRUE(DetailOf<google::rpc::RetryInfo>(refused).has_value());
}

TEST_F(KeysTest, AWrongFileIsRefusedAtTheStartAndByCheckConfig) {
  const std::string file = Write("# ours\nsearch hushkey\n");
  EXPECT_THAT(Refusal(WithModel({"--keys-file", file})), HasSubstr("keys: line 2: "));
  EXPECT_THAT(Refusal(WithModel({"check-config", "--keys-file", file}), 2),
              AllOf(HasSubstr("keys: line 2: "), Not(HasSubstr("hush"))));
}

TEST_F(KeysTest, RerankctlGoesAllTheWay) {
  const TestAuthority authority;
  const PemPair server_pair = authority.Issue({});
  const PemPair client_pair = authority.Issue({.name = "client"});
  const auto write = [&](const std::string& name, const std::string& text) {
    return folder_.Write(name, text).string();
  };
  const std::string key_file = (folder_.path() / "my.key").string();
  const Outcome made =
      RunProgram(RERANKCTL, {"key", "ops", "--admin", "--out", key_file}, folder_, "", {});
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(fs::status(key_file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(RunProgram(RERANKCTL, {"key", "ops", "--out", key_file}, folder_, "", {}).code, 2)
      << "a key is not written over";
  const std::string ca = write("ca.crt", authority.certificate());
  ServerProcess server(
      WithModel({"--keys-file", Write(made.out), "--admin", "true", "--tls-certificate",
                 write("tls.crt", server_pair.certificate), "--tls-key",
                 write("tls.key", server_pair.key), "--tls-client-ca", ca}));
  const std::vector<std::string> all = {"reload",         "tiny-cross-encoder",
                                        "--target",       server.Address(),
                                        "--ca-file",      ca,
                                        "--cert-file",    write("my.crt", client_pair.certificate),
                                        "--key-file",     write("my-tls.key", client_pair.key),
                                        "--api-key-file", key_file};
  const Outcome done = RunProgram(RERANKCTL, all, folder_, "", {});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("tiny-cross-encoder"));
  // Without the key, and with it from the environment.
  const std::vector<std::string> keyless(all.begin(), all.end() - 2);
  const Outcome refused = RunProgram(RERANKCTL, keyless, folder_, "", {});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("API key"));
  const std::string key = ReadFile(key_file).value();
  EXPECT_EQ(RunProgram(RERANKCTL, keyless, folder_, "",
                       {"RERANKD_API_KEY=" + key.substr(0, key.size() - 1)})
                .code,
            0);
}

TEST(ExposureTest, ListeningToOtherMachinesWithoutProtectionIsSaid) {
  constexpr char kWarning[] = "other machines may reach this server without protection";
  {
    ServerProcess server(WithModel({"--listen", "0.0.0.0:0"}));
    ASSERT_NE(server.Address(), "");
    const std::string out = server.out();
    const size_t at = out.find(kWarning);
    ASSERT_NE(at, std::string::npos) << out;
    EXPECT_EQ(out.find(kWarning, at + 1), std::string::npos);
    EXPECT_THAT(out,
                AllOf(HasSubstr("address=0.0.0.0:"), HasSubstr("missing=\"tls, and keys_file")));
  }
  const TempDir folder;
  const TestAuthority authority;
  const PemPair pair = authority.Issue({});
  ServerProcess server(WithModel({"--listen", "0.0.0.0:0", "--tls-certificate",
                                  folder.Write("tls.crt", pair.certificate).string(), "--tls-key",
                                  folder.Write("tls.key", pair.key).string(), "--keys-file",
                                  folder.Write("keys", "# nobody\n").string()}));
  ASSERT_NE(server.Address(), "");
  EXPECT_THAT(server.out(), Not(HasSubstr(kWarning)));
}

TEST(ExposureTest, MetricsThatOtherMachinesMayReadAreSaid) {
  constexpr char kWarning[] = "other machines may read the metrics";
  ServerProcess open(WithModel({"--metrics-listen", "0.0.0.0:0"}));
  ASSERT_NE(open.Address(), "");
  EXPECT_THAT(open.out(), AllOf(HasSubstr(kWarning), HasSubstr("address=0.0.0.0:")));
  ServerProcess closed(WithModel({"--metrics-listen", "127.0.0.1:0"}));
  ASSERT_NE(closed.Address(), "");
  EXPECT_THAT(closed.out(), Not(HasSubstr(kWarning)));
}

TEST(UnixSocketTest, OneThatAKilledServerLeftIsReplacedAndOursIsRemoved) {
  const TempDir folder;
  const fs::path socket = folder.path() / "r.sock";
  const std::vector<std::string> arguments =
      WithModel({"--listen", "unix:" + socket.string(), "--unix-socket-mode", "0600"});
  {
    ServerProcess killed(arguments);
    EXPECT_EQ(killed.Address(), "unix:" + socket.string());
    killed.Signal(SIGKILL);
    killed.Wait();
  }
  EXPECT_TRUE(fs::is_socket(socket));
  ServerProcess server(arguments);
  const std::string address = server.Address();
  EXPECT_EQ(fs::status(socket).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_TRUE(Rerank(Dial(address)).ok());
  EXPECT_THAT(Refusal(arguments), HasSubstr("Address already in use"));
  EXPECT_TRUE(Rerank(Dial(address)).ok()) << "the refused one took nothing away";
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
  EXPECT_FALSE(fs::exists(fs::symlink_status(socket)));
  EXPECT_THAT(Refusal(WithModel({"--listen", "unix:/" + std::string(150, 'x')}), 2),
              HasSubstr("path of 1 to 107 bytes"));
}

TEST(ListenTest, WhatCannotBeListenedOnIsSaidBeforeAModelIsLoaded) {
  const auto start = [](const std::vector<std::string>& listen, int code) {
    std::vector<std::string> arguments = {"--model-path", "/nonexistent"};
    arguments.insert(arguments.end(), listen.begin(), listen.end());
    return Refusal(arguments, code);
  };
  const std::vector<std::string> no_folder = {"--listen", "127.0.0.1:0,unix:/no/dir/x.sock"};
  constexpr char kNoFolder[] = "cannot listen on unix:/no/dir/x.sock: its folder /no/dir: No such";
  EXPECT_THAT(start(no_folder, 1), HasSubstr(kNoFolder));
  EXPECT_THAT(start({"check-config", no_folder[0], no_folder[1]}, 2), HasSubstr(kNoFolder));
  EXPECT_THAT(start({"--listen", "192.0.2.1:1"}, 1), HasSubstr("Cannot assign requested address"));
  EXPECT_THAT(start({"--listen", "unix:/tmp/a%41"}, 2), HasSubstr("listen must name a path"));
  EXPECT_THAT(start({"--listen", "127.0.0.1:9,127.0.0.1:9"}, 2), HasSubstr("127.0.0.1:9 twice"));
  EXPECT_THAT(start({"--listen", "unix:/tmp/x", "--port-file", "/tmp/port"}, 2),
              HasSubstr("flag --port-file: port_file has no port to hold"));
  EXPECT_THAT(start({"check-config", "--metrics-listen", "[::1]:9464"}, 2),
              HasSubstr("write 127.0.0.1:9464"));
}

// As in a container that runs as nobody, drops all capabilities and has a read-only root.
TEST(ConfinementTest, NeedsNoCapabilityNoHomeAndNothingToWrite) {
  const std::string command =
      "mount -o remount,bind,ro / && cd / && exec setpriv --bounding-set -all --inh-caps -all "
      "--no-new-privs -- env -u HOME -u XDG_CACHE_HOME -u HF_HOME \"$@\"";
  const TempDir folder;
  const Outcome possible =
      RunProgram("/usr/bin/unshare", {"--mount", "sh", "-c", command, "sh", "true"}, folder, "",
                 {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"});
  if (possible.code != 0) GTEST_SKIP() << "no mount namespace can be had here: " << possible.err;
  Process server("/usr/bin/unshare",
                 {"--mount", "sh", "-c", command, "sh", ServerProcess::Program(), "--listen",
                  "127.0.0.1:0", "--model-path", TestModel("tiny-cross-encoder")});
  ASSERT_TRUE(server.WaitForOutput("start_ms=")) << server.err();
  const std::string out = server.out();
  const size_t begin = out.find("serving: address=") + 17;
  EXPECT_TRUE(Rerank(Dial(out.substr(begin, out.find(' ', begin) - begin))).ok());
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);
  EXPECT_EQ(server.err(), "");
}

}  // namespace
}  // namespace rerankd
