#include "http/ca_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/temp_dir.h"

namespace rerankd {
namespace {

using ::testing::HasSubstr;

// Of an authority that signs nothing: a self-signed certificate made for this test.
constexpr char kCertificate[] = R"(-----BEGIN CERTIFICATE-----
MIIBkzCCATmgAwIBAgIUbqwH0iC16SGrtXBgsKitD71Qv6owCgYIKoZIzj0EAwIw
HjEcMBoGA1UEAwwTYXV0aG9yaXR5IG9mIGEgdGVzdDAgFw0yNjExMjQxMjE5MDJa
GA8yMTI2MTAzMTEyMTkwMlowHjEcMBoGA1UEAwwTYXV0aG9yaXR5IG9mIGEgdGVz
dDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFhugTwSC8uFjfgHqe0GV9kFBDIf
4DKMytesmL1ATev1V+oxR0YzqsE1KC8jhKyFSF0n/o02K6y224sRcd81CpGjUzBR
MB0GA1UdDgQWBBQFBGTV7bkkIZHxNHILNcJI4JslGDAfBgNVHSMEGDAWgBQFBGTV
7bkkIZHxNHILNcJI4JslGDAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gA
MEUCIC4spQl8HfxbZHDyBI/3Pfhin7f4LzW1FkeggXeW610sAiEA2YX07sLNIr7X
fLPVt3vwsffraTV8STCB4GYKjZ4CxVc=
-----END CERTIFICATE-----
)";

std::string Said(const std::filesystem::path& file) {
  return std::string(CheckCaFile(file).message());
}

TEST(CaFileTest, CertificatesArePem) {
  const TempDir dir;
  EXPECT_EQ(Said(dir.Write("one.pem", kCertificate)), "");
  EXPECT_EQ(Said(dir.Write("two.pem", std::string("# mine\n") + kCertificate + kCertificate)), "");
}

TEST(CaFileTest, WhatTrustsNobodyIsNamed) {
  const TempDir dir;
  EXPECT_THAT(Said(dir.path() / "missing.pem"), HasSubstr("missing.pem"));
  EXPECT_THAT(Said(dir.path()), HasSubstr(dir.path().string()));
  for (const std::string& content :
       {std::string(), std::string("not a certificate\n"),
        std::string("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        std::string(kCertificate).substr(0, 200)}) {
    EXPECT_THAT(Said(dir.Write("bad.pem", content)), HasSubstr("bad.pem holds no certificate"));
  }
}

}  // namespace
}  // namespace rerankd
