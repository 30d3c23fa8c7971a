#include "util/address.h"

#include <gtest/gtest.h>

#include <string>

namespace rerankd {
namespace {

TEST(AddressTest, ReadsEachForm) {
  EXPECT_EQ(ParseListenAddress("localhost:0")->host, "localhost");
  EXPECT_EQ(ParseListenAddress("127.0.0.1:65535")->port, 65535);
  EXPECT_EQ(ParseListenAddress("[::1]:50051")->host, "::1");
  EXPECT_EQ(ParseListenAddress("unix:/run/rerankd")->unix_path, "/run/rerankd");
  EXPECT_EQ(ParseListenAddress("unix:" + std::string(107, 'x'))->unix_path.size(), 107U);
}

TEST(AddressTest, RefusesEverythingElse) {
  for (const std::string& text :
       {std::string(), std::string("50051"), std::string(":50051"), std::string("host:"),
        std::string("host:65536"), std::string("host:-1"), std::string("host:1x"),
        std::string("::1:50051"), std::string("[]:1"), std::string("[::1]"), std::string("unix:"),
        "unix:" + std::string(108, 'x')}) {
    EXPECT_EQ(ParseListenAddress(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(AddressTest, KnowsWhatOnlyThisMachineReaches) {
  for (const char* const text :
       {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1", "unix:/x"}) {
    EXPECT_TRUE(IsLocal(*ParseListenAddress(text))) << text;
  }
  for (const char* const text : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "128.0.0.1:1", "[fe80::1]:1",
                                 "example.org:1", "localhost.example.org:1"}) {
    EXPECT_FALSE(IsLocal(*ParseListenAddress(text))) << text;
  }
}

}  // namespace
}  // namespace rerankd
