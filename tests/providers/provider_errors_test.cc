#include "providers/provider_errors.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/errors.h"

namespace rerankd {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;
using Code = absl::StatusCode;

absl::Status Error(const HttpResponse& response, const ProviderKey& key = {},
                   const RerankRequest& request = {}) {
  return ErrorFromResponse(
      {.provider = "voyage", .request = request, .key = key, .response = response});
}

// Every row of the table: statuses, whose key it was, the error's name; what the caller gets, and
// whether the call is sent again.
TEST(ProviderErrorsTest, EveryStatus) {
  struct Row {
    std::vector<int> statuses;
    Code server_key;
    Code callers_key;
    const char* reason;
    RetryRule retry;
  };
  const Row rows[] = {
      {{400, 413, 422, 498},
       Code::kInvalidArgument,
       Code::kInvalidArgument,
       "PROVIDER_INVALID_REQUEST",
       RetryRule::kNever},
      {{402},
       Code::kResourceExhausted,
       Code::kResourceExhausted,
       "PROVIDER_BALANCE",
       RetryRule::kNextKey},
      {{403},
       Code::kFailedPrecondition,
       Code::kPermissionDenied,
       "PROVIDER_FORBIDDEN",
       RetryRule::kNever},
      {{404}, Code::kNotFound, Code::kNotFound, "PROVIDER_MODEL", RetryRule::kNever},
      {{408, 425, 502, 503, 504, 529},
       Code::kUnavailable,
       Code::kUnavailable,
       "PROVIDER_UNAVAILABLE",
       RetryRule::kAlways},
      {{409}, Code::kAborted, Code::kAborted, "PROVIDER_CONFLICT", RetryRule::kAlways},
      {{424}, Code::kInternal, Code::kInternal, "PROVIDER_ERROR", RetryRule::kOnce},
      {{406, 410, 418, 451},
       Code::kInternal,
       Code::kInternal,
       "PROVIDER_REFUSED",
       RetryRule::kNever},
      {{500, 505, 599}, Code::kUnavailable, Code::kUnavailable, "PROVIDER_ERROR", RetryRule::kOnce},
      {{429},
       Code::kResourceExhausted,
       Code::kResourceExhausted,
       "PROVIDER_RATE_LIMIT",
       RetryRule::kAlways},
      {{499}, Code::kUnavailable, Code::kUnavailable, "PROVIDER_CANCELLED", RetryRule::kAlways},
      {{405, 501},
       Code::kUnimplemented,
       Code::kUnimplemented,
       "PROVIDER_UNSUPPORTED",
       RetryRule::kNever},
      {{300, 301, 302, 304, 307, 308},
       Code::kFailedPrecondition,
       Code::kFailedPrecondition,
       "PROVIDER_REDIRECT",
       RetryRule::kNever},
      {{0, 101, 600}, Code::kInternal, Code::kInternal, "PROVIDER_BAD_RESPONSE", RetryRule::kNever},
  };
  for (const Row& row : rows) {
    for (const int http_status : row.statuses) {
      for (const bool is_callers : {false, true}) {
        SCOPED_TRACE(http_status);
        const absl::Status status = Error({.status = http_status}, {.is_callers = is_callers});
        EXPECT_EQ(status.code(), is_callers ? row.callers_key : row.server_key);
        EXPECT_EQ(ReasonOf(status), row.reason);
        EXPECT_EQ(RetryRuleOf(status), row.retry);
        EXPECT_EQ(ErrorInfoOf(status)->domain, "rerank.providers");
      }
    }
  }
}

TEST(ProviderErrorsTest, WhoseKeyWasRefusedDecides) {
  const absl::Status server = Error({.status = 401});
  EXPECT_EQ(server.code(), Code::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(server), "PROVIDER_AUTH");
  EXPECT_EQ(RetryRuleOf(server), RetryRule::kNextKey);
  const absl::Status callers = Error({.status = 401}, {.is_callers = true});
  EXPECT_EQ(callers.code(), Code::kUnauthenticated);
  EXPECT_EQ(ReasonOf(callers), "PROVIDER_AUTH");
  EXPECT_EQ(RetryRuleOf(callers), RetryRule::kNever);
}

TEST(ProviderErrorsTest, SomeNamesSayMoreThanTheirStatus) {
  EXPECT_STREQ(RuleFor(403, "AUTHZ_INSUFFICIENT_BALANCE", false).reason, "PROVIDER_BALANCE");
  EXPECT_STREQ(RuleFor(400, "Arrearage", false).reason, "PROVIDER_BALANCE");
  EXPECT_STREQ(RuleFor(400, "INPUT_MODEL_NOT_FOUND", false).reason, "PROVIDER_MODEL");
  EXPECT_STREQ(RuleFor(200, "Throttling.AllocationQuota", false).reason, "PROVIDER_RATE_LIMIT");
  EXPECT_STREQ(RuleFor(200, "InternalError.Algo", false).reason, "PROVIDER_ERROR");
  EXPECT_EQ(RuleFor(200, "InvalidApiKey", true).code, Code::kUnauthenticated);
  // Others keep what their status says, and a part of a name is none.
  EXPECT_STREQ(RuleFor(503, "InternalError", false).reason, "PROVIDER_UNAVAILABLE");
  EXPECT_STREQ(RuleFor(400, "ArrearageX", false).reason, "PROVIDER_INVALID_REQUEST");
  EXPECT_STREQ(RuleFor(200, "Whatever", false).reason, "PROVIDER_BAD_RESPONSE");
  EXPECT_STREQ(RuleFor(200, "", false).reason, "PROVIDER_BAD_RESPONSE");
}

TEST(ProviderErrorsTest, TellsWhenToComeBack) {
  const auto after = [](int status, const std::string& name, const std::string& value) {
    return RetryAfterOf(Error({.status = status, .headers = {{name, value}}}));
  };
  EXPECT_EQ(after(429, "Retry-After", "7"), milliseconds(7000));
  EXPECT_EQ(after(503, "retry-after-ms", "150"), milliseconds(150));
  EXPECT_EQ(after(500, "Retry-After", "1"), milliseconds(1000));
  EXPECT_EQ(after(429, "Retry-After", "soon"), std::nullopt);
  // Waiting mends neither of these.
  EXPECT_EQ(after(402, "Retry-After", "7"), std::nullopt);
  EXPECT_EQ(after(400, "Retry-After", "7"), std::nullopt);
  EXPECT_EQ(RetryAfterOf(Error({.status = 429,
                                .headers = {{"Date", "Sun, 01 Mar 2026 12:00:00 GMT"},
                                            {"Retry-After", "Sun, 01 Mar 2026 12:00:30 GMT"}}})),
            milliseconds(30'000));
}

TEST(ProviderErrorsTest, NeitherKeyNorTextsAreTold) {
  const ProviderKey key{.secret = Secret("sk-sentinel-0123456789"), .place = "file /run/key"};
  const RerankRequest request{
      .query = "what did the patient tell the doctor",
      .documents = {"nothing", "the patient said that it hurts when he laughs"}};
  const absl::Status status = Error(
      {.status = 401,
       .body = R"({"message":"key sk-sentinel-0123456789 (sk-sentinel-***) may not ask what did )"
               R"(the patient tell the doctor of \"the patient said that it hurts\"",)"
               R"("code":"sk-sentinel-0123456789","request_id":"sk-sentinel-0123456789"})"},
      key, request);
  EXPECT_THAT(status.ToString(), Not(HasSubstr("sentinel")));
  EXPECT_THAT(status.ToString(), Not(HasSubstr("patient")));
  EXPECT_EQ(std::string(status.message()),
            "voyage: http 401: key [...] ([...]***) may not ask [...] of \"[...]\" (the key of "
            "file /run/key)");
  EXPECT_EQ(ErrorInfoOf(status)->metadata.at("provider_code"), "[...]");
}

TEST(ProviderErrorsTest, WhoeverMendsAKeyIsToldWhichOne) {
  const auto said = [](int status, const ProviderKey& key) {
    return std::string(Error({.status = status, .body = R"({"detail":"no"})"}, key).message());
  };
  const ProviderKey server{.secret = Secret("k"), .place = "environment variable VOYAGE_API_KEY"};
  for (const int status : {401, 402, 403}) {
    EXPECT_EQ(said(status, server),
              fmt::format("voyage: http {}: no (the key of environment variable VOYAGE_API_KEY)",
                          status));
  }
  EXPECT_EQ(said(401, {.secret = Secret("k"), .is_callers = true}),
            "voyage: http 401: no (the key that came with the call)");
  EXPECT_EQ(said(401, {}), "voyage: http 401: no (no key was sent)");
  EXPECT_EQ(said(400, server), "voyage: http 400: no");
}

TEST(ProviderErrorsTest, ARedirectSaysWhatToCorrect) {
  const auto said = [](const std::string& location) {
    return std::string(Error({.status = 308, .headers = {{"Location", location}}},
                             {.secret = Secret("sk-sentinel-0123456789")})
                           .message());
  };
  const std::string advice = "voyage: http 308 (redirects are not followed; correct base_url";
  EXPECT_EQ(said("https://api.example.com/v2/rerank"),
            advice + ", it leads to https://api.example.com/v2/rerank)");
  EXPECT_EQ(said("https://sso.example.com/login?ticket=secret#x"),
            advice + ", it leads to https://sso.example.com/login)");
  EXPECT_EQ(said("https://x/sk-sentinel-0123456789"), advice + ", it leads to https://x/[...])");
  EXPECT_EQ(said("https://user:secret@x/"), advice + ")");
  EXPECT_EQ(said(""), advice + ")");
  EXPECT_LE(said(std::string(5000, 'x')).size(), 512U);
}

TEST(ProviderErrorsTest, MessagesAreShort) {
  const absl::Status status = Error({.status = 400,
                                     .body = R"({"message":")" + std::string(5000, 'x') +
                                             R"(","code":")" + std::string(5000, 'y') + R"("})"});
  EXPECT_EQ(status.message().size(), 512U);
  EXPECT_LE(ErrorInfoOf(status)->metadata.at("provider_code").size(), 96U);
}

TEST(ProviderErrorsTest, ABadAnswerNamesItsField) {
  const RerankRequest request{.query = "a query of more than twenty bytes"};
  const ProviderKey key{.secret = Secret("sk-sentinel-0123456789")};
  HttpResponse response{.status = 200, .headers = {{"x-request-id", "r1"}}};
  const auto bad = [&](std::string_view field, std::string_view problem, bool cut_off = false) {
    return BadResponse({.provider = "jina", .request = request, .key = key, .response = response},
                       field, problem, cut_off);
  };
  const absl::Status status = bad("results[3].index", "is 9");
  EXPECT_EQ(status.code(), Code::kInternal);
  EXPECT_EQ(std::string(status.message()), "jina: bad answer: results[3].index is 9");
  EXPECT_EQ(ReasonOf(status), "PROVIDER_BAD_RESPONSE");
  EXPECT_EQ(ErrorInfoOf(status)->metadata.at("request_id"), "r1");
  EXPECT_EQ(RetryRuleOf(status), RetryRule::kNever);
  EXPECT_EQ(RetryRuleOf(bad("", "ends early", true)), RetryRule::kOnce);
  // What the provider chose is cleaned here, too.
  response.headers = {{"x-request-id", "sk-sentinel-0123456789"}};
  EXPECT_EQ(ErrorInfoOf(bad("", "x"))->metadata.at("request_id"), "[...]");
}

TEST(ProviderErrorsTest, WhatDidNotArrive) {
  const auto made = [](const absl::Status& status) { return TransportError("cohere", status); };
  EXPECT_EQ(ReasonOf(made(absl::UnavailableError("x"))), "PROVIDER_UNAVAILABLE");
  EXPECT_EQ(RetryRuleOf(made(absl::UnavailableError("x"))), RetryRule::kAlways);
  const absl::Status tls = made(absl::FailedPreconditionError("not trusted"));
  EXPECT_THAT(std::string(tls.message()), HasSubstr("ca_file in its entry"));
  EXPECT_EQ(tls.code(), Code::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(tls), "PROVIDER_TLS");
  EXPECT_EQ(RetryRuleOf(tls), RetryRule::kNever);
  const absl::Status large = made(absl::ResourceExhaustedError("too large"));
  EXPECT_EQ(large.code(), Code::kInternal);
  EXPECT_EQ(ReasonOf(large), "PROVIDER_BAD_RESPONSE");
  for (const absl::Status& status : {absl::DeadlineExceededError("late"), absl::CancelledError()}) {
    EXPECT_EQ(made(status), status);
    EXPECT_EQ(RetryRuleOf(made(status)), RetryRule::kNever);
  }
  const absl::Status open = ProviderUnavailable("cohere", "its breaker is open");
  EXPECT_EQ(open.code(), Code::kUnavailable);
  EXPECT_EQ(ReasonOf(open), "PROVIDER_UNAVAILABLE");
}

TEST(ProviderErrorsTest, OthersErrorsAreNotTriedAgain) {
  EXPECT_EQ(RetryRuleOf(absl::UnavailableError("draining")), RetryRule::kNever);
  EXPECT_EQ(RetryRuleOf(WithReason(absl::UnavailableError("x"), "PROVIDER_UNAVAILABLE")),
            RetryRule::kNever);
}

}  // namespace
}  // namespace rerankd
