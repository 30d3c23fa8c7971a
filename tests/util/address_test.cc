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

// gRPC takes what follows "unix:" for the path of a URI: it decodes %, and cuts at ? and #.
TEST(AddressTest, TakesOnlySocketPathsThatGrpcTakesLiterally) {
  EXPECT_EQ(ParseListenAddress("unix:///run/x")->unix_path, "/run/x");
  EXPECT_EQ(ParseListenAddress("unix:x/Y-z_0.9~@+=:")->unix_path, "x/Y-z_0.9~@+=:");
  for (const char* const text :
       {"unix:/a%41", "unix:/a%", "unix:/a?b", "unix:/a#b", "unix:/a b", "unix:/a\nb",
        "unix:/\xc3\xa4", "unix://run/x", "unix://", "unix:/run/"}) {
    EXPECT_EQ(ParseListenAddress(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(AddressTest, KnowsTheSamePlaceUnderTwoSpellings) {
  const auto same = [](const char* a, const char* b) {
    return IsSame(*ParseListenAddress(a), *ParseListenAddress(b));
  };
  EXPECT_TRUE(same("a:1", "a:1"));
  EXPECT_TRUE(same("a:1", "a:01"));
  EXPECT_TRUE(same("unix:/x", "unix:///x"));
  EXPECT_FALSE(same("a:0", "a:0")) << "each takes a free one";
  EXPECT_FALSE(same("a:1", "a:2"));
  EXPECT_FALSE(same("a:1", "b:1"));
  EXPECT_FALSE(same("unix:/x", "unix:/y"));
  EXPECT_FALSE(same("unix:/x", "a:1"));
}

TEST(AddressTest, EveryAddressOfTheMachineLeavesNoRoomForOne) {
  const auto overlap = [](const char* a, const char* b) {
    const ListenAddress one = *ParseListenAddress(a);
    const ListenAddress other = *ParseListenAddress(b);
    EXPECT_EQ(Overlap(one, other), Overlap(other, one)) << a << " " << b;
    return Overlap(one, other);
  };
  EXPECT_TRUE(overlap("a:1", "a:1"));
  EXPECT_TRUE(overlap("0.0.0.0:1", "127.0.0.1:1"));
  EXPECT_TRUE(overlap("0.0.0.0:1", "[::]:1"));
  EXPECT_TRUE(overlap("[::]:1", "127.0.0.1:1"));
  EXPECT_FALSE(overlap("0.0.0.0:1", "[::1]:1"));
  EXPECT_FALSE(overlap("0.0.0.0:1", "127.0.0.1:2"));
  EXPECT_FALSE(overlap("0.0.0.0:0", "127.0.0.1:0")) << "each takes a free one";
  EXPECT_FALSE(overlap("10.0.0.1:1", "127.0.0.1:1"));
  EXPECT_FALSE(overlap("0.0.0.0:1", "unix:/x"));
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
