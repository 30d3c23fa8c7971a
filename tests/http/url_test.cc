#include "http/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace rerankd {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

HttpRequest Authorized(const std::string& url) {
  return {.url = url, .secret_headers = {{"Authorization", Secret("Bearer x")}}};
}

HttpResponse RedirectTo(const std::string& location) {
  return {.status = 302, .headers = {{"location", location}}};
}

TEST(UrlTest, Parts) {
  const auto url = ParseUrl("HTTPS://Hub.Example/a/b?c=d#e");
  ASSERT_TRUE(url.ok()) << url.status().ToString();
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "hub.example");
  EXPECT_EQ(url->port, "443");
  EXPECT_THAT(url->text, testing::EndsWith("/a/b?c=d"));
}

TEST(UrlTest, WhatIsNoUrlForUsIsRefused) {
  for (const std::string text :
       {"", "hub.example", "/a", "file:///etc/passwd", "ftp://hub.example/", "gopher://x/",
        "http://user@hub.example/", "http://user:word@hub.example/", "http://",
        "http://hub.example/a\nb", "http://hub.example/a\x01", "http://h\xC3\xBC.example/",
        "javascript:alert(1)", "http://hub.example:99999/"}) {
    EXPECT_FALSE(ParseUrl(text).ok()) << text;
  }
  EXPECT_FALSE(ParseUrl("http://hub.example/" + std::string(9000, 'a')).ok());
}

TEST(UrlTest, AMessageNeverShowsUserNameAndPassword) {
  for (const std::string text :
       {"https://name:hush@hub.example/", "https://name:hush@x@hub.example/a?b=c",
        "https://name:hush/x@hub.example/", "name:hush@hub.example", "hush://x@hub.example",
        "ftp://name:hush@hub.example/", "https://name:hush@hub.example/a\nb"}) {
    const std::string message = std::string(ParseUrl(text).status().message());
    EXPECT_THAT(message,
                testing::AllOf(HasSubstr("***@hub.example"), testing::Not(HasSubstr("hush"))));
  }
  EXPECT_EQ(WithoutUserInfo("https://hub.example/a"), "https://hub.example/a");
  EXPECT_EQ(WithoutUserInfo("https://a:b@hub.example/a"), "https://***@hub.example/a");
}

TEST(UrlTest, AnOriginIsSchemeHostAndPort) {
  const auto same = [](const char* a, const char* b) {
    return SameOrigin(*ParseUrl(a), *ParseUrl(b));
  };
  EXPECT_TRUE(same("https://a.b/c", "https://A.B:443/d"));
  EXPECT_FALSE(same("https://a.b/", "https://a.b:444/"));
  EXPECT_FALSE(same("https://a.b/", "http://a.b/"));
  EXPECT_FALSE(same("https://a.b/", "https://c.a.b/"));
  EXPECT_FALSE(same("https://a.b/", "https://a.b.c/"));
}

TEST(UrlTest, Escapes) {
  EXPECT_EQ(EscapeForUrl("a b/c%\xC3\xBC~", true), "a%20b/c%25%C3%BC~");
  EXPECT_EQ(EscapeForUrl("refs/pr/1", false), "refs%2Fpr%2F1");
}

TEST(RedirectedTest, WithinTheOriginKeepsTheSecret) {
  for (const char* location : {"/c", "c", "https://hub.example/c", "//hub.example/c"}) {
    const auto request = Redirected(Authorized("https://hub.example/b"), RedirectTo(location));
    ASSERT_TRUE(request.ok()) << location;
    EXPECT_EQ(request->url, "https://hub.example/c");
    EXPECT_THAT(request->secret_headers, SizeIs(1));
  }
}

TEST(RedirectedTest, ToAnotherOriginDropsTheSecret) {
  for (const char* location : {"https://cdn.example/c", "//cdn.example/c",
                               "https://hub.example:8443/c", "https://hub.example.evil.example/"}) {
    const auto request = Redirected(Authorized("https://hub.example/b"), RedirectTo(location));
    ASSERT_TRUE(request.ok()) << location;
    EXPECT_THAT(request->secret_headers, IsEmpty()) << location;
  }
}

TEST(RedirectedTest, TheSecretDoesNotComeBack) {
  auto request =
      Redirected(Authorized("https://hub.example/b"), RedirectTo("https://cdn.example/c"));
  ASSERT_TRUE(request.ok());
  request = Redirected(*std::move(request), RedirectTo("https://hub.example/d"));
  ASSERT_TRUE(request.ok());
  EXPECT_THAT(request->secret_headers, IsEmpty());
}

TEST(RedirectedTest, PlacesThatAreRefused) {
  for (const char* location : {"http://hub.example/", "file:///etc/passwd", "ftp://hub.example/",
                               "https://u@hub.example/", "https://hub.example/\x01", ""}) {
    const auto request = Redirected(Authorized("https://hub.example/b"), RedirectTo(location));
    EXPECT_EQ(request.status().code(), absl::StatusCode::kFailedPrecondition) << location;
    EXPECT_THAT(std::string(request.status().message()), HasSubstr("hub.example redirects"));
  }
  EXPECT_FALSE(Redirected(Authorized("https://hub.example/b"), HttpResponse{.status = 302}).ok());
}

}  // namespace
}  // namespace rerankd
