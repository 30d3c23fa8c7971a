#include "config/collector_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rerankd {
namespace {

TEST(CollectorAddressTest, IsSpelledInThreeWays) {
  const auto plain = ParseCollectorAddress("collector.example:4000");
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(plain->target, "dns:///collector.example:4000");
  EXPECT_FALSE(plain->tls);
  EXPECT_EQ(ParseCollectorAddress("http://collector.example:4000/")->target, plain->target);
  const auto secure = ParseCollectorAddress("https://[::1]:4000");
  ASSERT_TRUE(secure.ok()) << secure.status();
  EXPECT_EQ(secure->target, "dns:///[::1]:4000");
  EXPECT_TRUE(secure->tls);
}

TEST(CollectorAddressTest, HasThePortOfTheProtocolUnlessItNamesOne) {
  EXPECT_EQ(ParseCollectorAddress("collector")->target, "dns:///collector:4317");
  EXPECT_EQ(ParseCollectorAddress("https://collector")->target, "dns:///collector:4317");
  EXPECT_EQ(ParseCollectorAddress("http://[::1]")->target, "dns:///[::1]:4317");
  EXPECT_EQ(ParseCollectorAddress("http://collector:80")->target, "dns:///collector:80");
}

TEST(CollectorAddressTest, WhatItCannotBeIsRefused) {
  for (const char* text :
       {"", ":4317", "ftp://collector:1", "unix:///run/collector", "a:70000",
        "http://collector:4317/v1/traces", "http://collector?a=b",
        "http://user:hush@collector:4317", "user:hush@collector:4317", "a b:1"}) {
    const auto address = ParseCollectorAddress(text);
    ASSERT_FALSE(address.ok()) << text << " " << address->target;
    EXPECT_THAT(std::string(address.status().message()), testing::HasSubstr("host:port"));
    EXPECT_THAT(std::string(address.status().message()), testing::Not(testing::HasSubstr("hush")));
  }
}

}  // namespace
}  // namespace rerankd
