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

}  // namespace
}  // namespace rerankd
