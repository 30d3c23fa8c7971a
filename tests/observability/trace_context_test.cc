#include "observability/tracing/trace_context.h"

#include <gtest/gtest.h>

#include <string>

namespace rerankd {
namespace {

const std::string kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kParent = "00f067aa0ba902b7";

TEST(TraceContextTest, ReadsWhatACallerSends) {
  const auto context = ParseTraceparent("00-" + kTrace + "-" + kParent + "-01");
  ASSERT_TRUE(context.has_value());
  EXPECT_EQ(ToHex(context->trace_id), kTrace);
  EXPECT_EQ(ToHex(context->span_id), kParent);
  EXPECT_TRUE(context->sampled);
  // Other flags are for others.
  for (const char* flags : {"00", "02", "fe"}) {
    const auto unsampled = ParseTraceparent("00-" + kTrace + "-" + kParent + "-" + flags);
    ASSERT_TRUE(unsampled.has_value()) << flags;
    EXPECT_FALSE(unsampled->sampled) << flags;
  }
  EXPECT_TRUE(ParseTraceparent("00-" + kTrace + "-" + kParent + "-ff")->sampled);
}

TEST(TraceContextTest, OfALaterVersionItReadsWhatItKnows) {
  for (const char* more : {"", "-", "-what-the-future-holds"}) {
    const auto context = ParseTraceparent("cc-" + kTrace + "-" + kParent + "-01" + more);
    ASSERT_TRUE(context.has_value()) << more;
    EXPECT_EQ(ToHex(context->trace_id), kTrace);
    EXPECT_TRUE(context->sampled);
  }
  EXPECT_FALSE(ParseTraceparent("cc-" + kTrace + "-" + kParent + "-01.more").has_value());
  EXPECT_FALSE(ParseTraceparent("cc-" + kTrace + "-" + kParent + "-011").has_value());
}

TEST(TraceContextTest, WhatIsMalformedIsNoTrace) {
  const std::string upper = "4BF92F3577B34DA6A3CE929D0E0E4736";
  for (const std::string& text :
       {std::string(), std::string("00"), "00-" + kTrace + "-" + kParent,
        "00-" + kTrace + "-" + kParent + "-1", "00-" + kTrace + "-" + kParent + "-01-",
        "00-" + kTrace + "-" + kParent + "-01-00", " 00-" + kTrace + "-" + kParent + "-01",
        "00-" + kTrace + "-" + kParent + "-0x", "ff-" + kTrace + "-" + kParent + "-01",
        "0x-" + kTrace + "-" + kParent + "-01", "00-" + upper + "-" + kParent + "-01",
        "00-" + std::string(32, '0') + "-" + kParent + "-01",
        "00-" + kTrace + "-" + std::string(16, '0') + "-01", "00_" + kTrace + "-" + kParent + "-01",
        "00-" + kTrace + "_" + kParent + "-01", "00-" + kTrace + "-" + kParent + "_01",
        "00-" + kTrace.substr(1) + "g-" + kParent + "-01"}) {
    EXPECT_FALSE(ParseTraceparent(text).has_value()) << text;
  }
}

TEST(TraceContextTest, TracestateIsAListOfMembers) {
  for (const char* good : {"a=1", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "a=1, b=2 ,\tc=3",
                           "tenant@system=x", "0=a b c", "a=1,,b=2", "a*-/_=!#~"}) {
    EXPECT_TRUE(IsTracestate(good)) << good;
  }
  for (const char* bad : {"", ",", "a", "=1", "a=", "A=1", "a=1,a=2", "a=b=c", "a=\x01",
                          "a=\xc3\xa9", "a@b@c=1", "@a=1", "a b=1"}) {
    EXPECT_FALSE(IsTracestate(bad)) << bad;
  }
}

TEST(TraceContextTest, TracestateIsBounded) {
  std::string members = "k0=v";
  for (int i = 1; i < 32; ++i) members += ",k" + std::to_string(i) + "=v";
  EXPECT_TRUE(IsTracestate(members));
  EXPECT_FALSE(IsTracestate(members + ",more=v"));
  EXPECT_TRUE(IsTracestate(std::string(255, 'a') + "=" + std::string(256, 'b')));
  EXPECT_FALSE(IsTracestate(std::string(257, 'a') + "=b"));
  EXPECT_FALSE(IsTracestate("a=" + std::string(256, 'b') + ",c=" + std::string(256, 'd')));
}

}  // namespace
}  // namespace rerankd
