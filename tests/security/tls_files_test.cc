#include "security/tls_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "support/temp_dir.h"
#include "support/test_certificates.h"

namespace rerankd {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;
using std::chrono::seconds;
using std::chrono::system_clock;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class TlsFilesTest : public testing::Test {
 protected:
  TlsFilesTest() { Write(authority_.Issue({})); }

  void Write(const PemPair& pair) const {
    folder_.Write("tls.crt", pair.certificate);
    folder_.Write("tls.key", pair.key);
  }

  std::string Error(system_clock::time_point now = system_clock::now()) const {
    const auto loaded = LoadTlsFiles(files_, now);
    EXPECT_EQ(loaded.status().code(), absl::StatusCode::kFailedPrecondition);
    const std::string message(loaded.status().message());
    EXPECT_THAT(message, Not(HasSubstr("\n")));
    EXPECT_THAT(message, Not(HasSubstr("BEGIN PRIVATE")));
    return message;
  }

  const TempDir folder_;
  const TestAuthority authority_;
  TlsFiles files_{.certificate = folder_.path() / "tls.crt", .key = folder_.path() / "tls.key"};
};

TEST_F(TlsFilesTest, AGoodPair) {
  const auto loaded = LoadTlsFiles(files_, system_clock::now());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->subject, "CN=localhost");
  EXPECT_GT(loaded->expires, system_clock::now() + hours(23));
  EXPECT_LT(loaded->expires, system_clock::now() + hours(25));
  EXPECT_TRUE(loaded->client_ca.empty());
}

TEST_F(TlsFilesTest, TheChainMayFollowTheCertificate) {
  PemPair pair = authority_.Issue({});
  pair.certificate += authority_.certificate();
  Write(pair);
  const auto loaded = LoadTlsFiles(files_, system_clock::now());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->subject, "CN=localhost");
  // But not come before it.
  pair.certificate = authority_.certificate() + pair.certificate;
  Write(pair);
  EXPECT_THAT(Error(), HasSubstr("is not the key of the certificate"));
}

TEST_F(TlsFilesTest, ExpiredAndNotYetValid) {
  EXPECT_THAT(Error(system_clock::now() + hours(48)),
              AllOf(HasSubstr("tls.certificate"), HasSubstr("tls.crt: expired on 2")));
  EXPECT_THAT(Error(system_clock::now() - hours(48)), HasSubstr("not valid before 2"));
}

TEST_F(TlsFilesTest, ACertificateMayOutliveTheClock) {
  Write(authority_.Issue({.ends = hours(24 * 365 * 400)}));
  EXPECT_TRUE(LoadTlsFiles(files_, system_clock::now()).ok());
}

TEST_F(TlsFilesTest, TheKeyOfAnotherCertificate) {
  folder_.Write("tls.key", authority_.Issue({}).key);
  EXPECT_THAT(Error(),
              AllOf(HasSubstr("tls.key"), HasSubstr("is not the key of the certificate in"),
                    HasSubstr("tls.crt")));
}

TEST_F(TlsFilesTest, FilesThatAreMissingOrNoPem) {
  for (const char* const name : {"tls.crt", "tls.key"}) {
    Write(authority_.Issue({}));
    fs::remove(folder_.path() / name);
    EXPECT_THAT(Error(), HasSubstr(name));
    for (const char* const text :
         {"", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n",
          "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}) {
      folder_.Write(name, text);
      EXPECT_THAT(Error(), HasSubstr(name)) << text;
    }
  }
  // What a text editor may make of it.
  const PemPair pair = authority_.Issue({});
  Write({pair.certificate.substr(0, pair.certificate.size() / 2), pair.key});
  EXPECT_THAT(Error(), HasSubstr("tls.crt"));
  Write({pair.certificate, pair.certificate});
  EXPECT_THAT(Error(), HasSubstr("holds no private key"));
  Write({pair.key, pair.key});
  EXPECT_THAT(Error(), HasSubstr("holds no certificate"));
}

TEST_F(TlsFilesTest, AKeyWithAPasswordIsNotAskedFor) {
  PemPair pair = authority_.Issue({});
  pair.key = TestAuthority::Encrypted(pair.key);
  Write(pair);
  EXPECT_THAT(Error(), HasSubstr("encrypted"));
}

TEST_F(TlsFilesTest, WhatOpenSslWouldRefuseLater) {
  Write(authority_.Issue({.rsa_bits = 1024}));
  EXPECT_THAT(Error(), AllOf(HasSubstr("tls.c"), HasSubstr("key too small")));
  Write(authority_.Issue({.rsa_bits = 2048}));
  EXPECT_TRUE(LoadTlsFiles(files_, system_clock::now()).ok());
}

TEST_F(TlsFilesTest, AWeakCertificateBehindTheServersOwn) {
  PemPair pair = authority_.Issue({});
  const std::string own = pair.certificate;
  pair.certificate = own + authority_.certificate() +
                     authority_.Issue({.name = "between", .rsa_bits = 1024}).certificate;
  Write(pair);
  EXPECT_THAT(Error(), HasSubstr("tls.crt: its certificate number 3 (CN=between) cannot be used: "
                                 "ca key too small"));
  pair.certificate = own + authority_.Issue({.name = "between", .rsa_bits = 2048}).certificate;
  Write(pair);
  EXPECT_TRUE(LoadTlsFiles(files_, system_clock::now()).ok());
}

TEST_F(TlsFilesTest, TwoWeeksAreSoon) {
  const auto loaded = LoadTlsFiles(files_, system_clock::now());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const hours two_weeks(14 * 24);
  EXPECT_FALSE(ExpiresSoon(*loaded, loaded->expires - two_weeks));
  EXPECT_TRUE(ExpiresSoon(*loaded, loaded->expires - two_weeks + seconds(1)));
  EXPECT_TRUE(ExpiresSoon(*loaded, loaded->expires + seconds(1)));
}

TEST_F(TlsFilesTest, TheAuthoritiesOfClients) {
  const TestAuthority old("old", hours(-48), hours(-24));
  files_.client_ca = folder_.Write("ca.crt", old.certificate() + authority_.certificate());
  const auto loaded = LoadTlsFiles(files_, system_clock::now());
  ASSERT_TRUE(loaded.ok()) << "one of two is valid: " << loaded.status();
  folder_.Write("ca.crt", old.certificate());
  EXPECT_THAT(Error(), AllOf(HasSubstr("tls.client_ca"), HasSubstr("ca.crt: expired on")));
  const std::string weak = authority_.Issue({.name = "weak", .rsa_bits = 1024}).certificate;
  folder_.Write("ca.crt", weak);
  EXPECT_THAT(Error(), AllOf(HasSubstr("tls.client_ca"), HasSubstr("key of CN=weak is too short")));
  folder_.Write("ca.crt", weak + authority_.Issue({.rsa_bits = 2048}).certificate);
  EXPECT_TRUE(LoadTlsFiles(files_, system_clock::now()).ok());
  folder_.Write("ca.crt", "");
  EXPECT_THAT(Error(), HasSubstr("tls.client_ca"));
  files_.client_ca = folder_.path() / "none";
  EXPECT_THAT(Error(), HasSubstr("none"));
}

TEST_F(TlsFilesTest, APairOfTwoGenerationsLeavesTheOldOneInUse) {
  std::vector<std::string> heard;
  const TimePoint start{hours(1)};
  const auto source = WatchTlsFiles(
      files_, [&](const absl::Status& status) { heard.emplace_back(status.message()); }, start);
  ASSERT_TRUE(source.ok()) << source.status();
  const std::string first = (*source)->Get(start)->certificates;
  const PemPair next = authority_.Issue({.name = "next"});
  folder_.Write("tls.crt", next.certificate);
  for (int i = 1; i < 5; ++i) EXPECT_EQ((*source)->Get(start + seconds(i))->certificates, first);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_THAT(heard[0], HasSubstr("is not the key of the certificate"));
  folder_.Write("tls.key", next.key);
  EXPECT_EQ((*source)->Get(start + seconds(6))->subject, "CN=next");
  EXPECT_EQ((*source)->Get(start + seconds(6))->key, next.key);
  EXPECT_EQ(heard.back(), "");
}

TEST_F(TlsFilesTest, AFileThatMayNotBeReadIsNamed) {
  if (geteuid() == 0) GTEST_SKIP() << "root reads everything";
  fs::permissions(files_.key, fs::perms::none);
  EXPECT_THAT(Error(), AllOf(HasSubstr("tls.key"), HasSubstr("Permission denied")));
}

}  // namespace
}  // namespace rerankd
