#include "providers/base_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rerankd {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(BaseUrlTest, TakesHttps) {
  EXPECT_EQ(*CheckBaseUrl("https://api.example.com", false), "https://api.example.com");
  EXPECT_EQ(*CheckBaseUrl("https://api.example.com:8443/a/v1/", false),
            "https://api.example.com:8443/a/v1");
}

TEST(BaseUrlTest, TakesHttpOnThisMachineAndWhereItIsAllowed) {
  for (const char* url : {"http://localhost:8080", "http://127.0.0.1:1/v1", "http://[::1]:9",
                          "http://tei.localhost"}) {
    EXPECT_TRUE(CheckBaseUrl(url, false).ok()) << url;
  }
  for (const char* url : {"http://tei:8080", "http://10.0.0.7", "http://127.0.0.1.example.com",
                          "http://localhost.example.com"}) {
    EXPECT_FALSE(CheckBaseUrl(url, false).ok()) << url;
    EXPECT_TRUE(CheckBaseUrl(url, true).ok()) << url;
  }
}

TEST(BaseUrlTest, RefusesTheRest) {
  for (const char* url : {"", "api.example.com", "/v1", "ftp://example.com", "https://",
                          "https://example.com/v1?key=1", "https://example.com/#top",
                          "https://exa mple.com", "file:///etc/passwd"}) {
    EXPECT_FALSE(CheckBaseUrl(url, true).ok()) << url;
  }
}

TEST(BaseUrlTest, NeverQuotesAPassword) {
  for (const char* url : {"https://me:sentinel@example.com", "https://sentinel@example.com/x",
                          "ftp://me:sentinel@example.com", "http://me:sentinel@[::1"}) {
    const absl::Status status = CheckBaseUrl(url, true).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << url;
    EXPECT_THAT(status.ToString(), Not(HasSubstr("sentinel")));
  }
}

TEST(BaseUrlTest, DoesNotRepeatWhatBothHave) {
  EXPECT_EQ(JoinUrl("https://h", "/v1/rerank"), "https://h/v1/rerank");
  EXPECT_EQ(JoinUrl("https://h/", "/v1/rerank"), "https://h/v1/rerank");
  EXPECT_EQ(JoinUrl("https://h/v1", "/v1/rerank"), "https://h/v1/rerank");
  EXPECT_EQ(JoinUrl("https://h/a/v1/rerank", "/v1/rerank"), "https://h/a/v1/rerank");
  EXPECT_EQ(JoinUrl("https://h/v2", "/v1/rerank"), "https://h/v2/v1/rerank");
  // Whole parts only.
  EXPECT_EQ(JoinUrl("https://h/xv1", "/v1/rerank"), "https://h/xv1/v1/rerank");
  EXPECT_EQ(JoinUrl("https://h/v", "/v1/rerank"), "https://h/v/v1/rerank");
}

}  // namespace
}  // namespace rerankd
