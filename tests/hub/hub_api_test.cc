#include "hub/hub_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace rerankd {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kCommit[] = "5617a9f61b028005a4858fdac845db406aefb181";
constexpr char kSha256[] = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
constexpr char kGitSha1[] = "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0";

using Headers = std::vector<std::pair<std::string, std::string>>;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST(HubApiTest, Questions) {
  HubOptions options{.endpoint = "https://hub.example/hf"};
  const ModelId id{.repo = "org/name", .revision = "refs/pr/1"};
  const HttpRequest info = ListingRequest(options, id);
  EXPECT_EQ(info.method, "GET");
  EXPECT_EQ(info.url, "https://hub.example/hf/api/models/org/name/revision/refs%2Fpr%2F1");
  EXPECT_TRUE(info.accept_compression);
  EXPECT_THAT(info.secret_headers, IsEmpty());
  options.token = Secret("hf_x");
  const HttpRequest file = FileRequest(options, id.repo, kCommit, "1_Pooling/a b.json");
  EXPECT_EQ(file.url, std::string("https://hub.example/hf/org/name/resolve/") + kCommit +
                          "/1_Pooling/a%20b.json");
  EXPECT_FALSE(file.accept_compression);
  ASSERT_EQ(file.secret_headers.size(), 1);
  EXPECT_EQ(file.secret_headers[0].first, "Authorization");
  EXPECT_EQ(file.secret_headers[0].second.Reveal(), "Bearer hf_x");
}

TEST(HubApiTest, Listing) {
  const auto info = ParseListing(std::string(R"({"id": "org/name", "sha": ")") + kCommit +
                                 R"(", "siblings": [{"rfilename": "a.json"},
                                   {"rfilename": "1_Pooling/config.json", "size": 3}], "x": []})");
  ASSERT_TRUE(info.ok()) << info.status().ToString();
  EXPECT_EQ(info->commit, kCommit);
  EXPECT_THAT(info->files, ElementsAre("a.json", "1_Pooling/config.json"));
}

TEST(HubApiTest, ListingThatNoHubGives) {
  const std::string sha = std::string(R"({"sha": ")") + kCommit + R"(", "siblings": )";
  for (const std::string& text : std::vector<std::string>{
           "", "<html>", "[]", "1", "{}", R"({"sha": "main", "siblings": []})",
           R"({"sha": 5, "siblings": []})", sha + "5}", sha + "{}}", sha + "[5]}", sha + "[{}]}",
           sha + R"([{"rfilename": 5}]})", sha + R"([{"rfilename": ""}]})",
           sha + R"([{"rfilename": "../a"}]})", sha + R"([{"rfilename": "/a"}]})",
           sha + R"([{"rfilename": "a\\b"}]})", sha + R"([{"rfilename": "a\nb"}]})",
           sha + R"([{"rfilename": "a\u0000"}]})", sha + "[{\"rfilename\": \"\xFF\"}]}"}) {
    const auto info = ParseListing(text);
    EXPECT_EQ(info.status().code(), absl::StatusCode::kFailedPrecondition) << text;
    EXPECT_THAT(Message(info.status()), AllOf(HasSubstr("the hub's answer"), Not(HasSubstr("\n"))));
  }
}

TEST(HubApiTest, MoreFilesThanAModelHas) {
  std::string text = std::string(R"({"sha": ")") + kCommit + R"(", "siblings": [0)";
  for (int n = 0; n < 100'000; ++n) text += ",0";
  EXPECT_THAT(Message(ParseListing(text + "]}").status()), HasSubstr("100001 files"));
}

TEST(HubApiTest, MetadataOfAFileInGit) {
  const auto metadata =
      ParseFileMetadata({.status = 200,
                         .headers = {{"x-repo-commit", kCommit},
                                     {"etag", std::string("W/\"") + kGitSha1 + '"'},
                                     {"content-length", "5"}}},
                        kCommit);
  ASSERT_TRUE(metadata.ok()) << metadata.status().ToString();
  EXPECT_EQ(metadata->etag, kGitSha1);
  EXPECT_EQ(metadata->size, 5);
}

TEST(HubApiTest, MetadataOfALargeFileIsInTheRedirect) {
  const HttpResponse redirect = {.status = 302,
                                 .headers = {{"X-Repo-Commit", kCommit},
                                             {"X-Linked-Etag", std::string("\"") + kSha256 + '"'},
                                             {"X-Linked-Size", "2271071852"},
                                             {"ETag", "\"of the redirect\""},
                                             {"Content-Length", "17"}}};
  EXPECT_TRUE(HasFileMetadata(redirect));
  const auto metadata = ParseFileMetadata(redirect, kCommit);
  ASSERT_TRUE(metadata.ok()) << metadata.status().ToString();
  EXPECT_EQ(metadata->etag, kSha256);
  EXPECT_EQ(metadata->size, 2'271'071'852);
}

TEST(HubApiTest, ARedirectWithoutMetadataIsFollowed) {
  EXPECT_FALSE(HasFileMetadata({.status = 307, .headers = {{"X-Repo-Commit", kCommit}}}));
  EXPECT_TRUE(HasFileMetadata({.status = 404}));
}

TEST(HubApiTest, ASizeMayBeMissing) {
  const auto metadata = ParseFileMetadata({.status = 302,
                                           .headers = {{"X-Repo-Commit", kCommit},
                                                       {"X-Linked-Etag", kSha256},
                                                       {"Content-Length", "9"}}},
                                          kCommit);
  ASSERT_TRUE(metadata.ok());
  EXPECT_EQ(metadata->size, std::nullopt);
}

TEST(HubApiTest, MetadataThatNoHubGives) {
  const auto refusal = [](const Headers& headers) {
    const auto metadata = ParseFileMetadata({.status = 200, .headers = headers}, kCommit);
    EXPECT_EQ(metadata.status().code(), absl::StatusCode::kFailedPrecondition);
    return Message(metadata.status());
  };
  EXPECT_THAT(refusal({{"ETag", kGitSha1}}), HasSubstr("X-Repo-Commit"));
  EXPECT_THAT(refusal({{"ETag", kGitSha1}, {"X-Repo-Commit", std::string(40, '0')}}),
              HasSubstr(kCommit));
  for (const std::string etag :
       {"", "\"\"", "abc", "../../a", "5617A9F61B028005A4858FDAC845DB406AEFB181",
        "\"d41d8cd98f00b204e9800998ecf8427e\"", "W/W/b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"}) {
    EXPECT_THAT(refusal({{"X-Repo-Commit", kCommit}, {"ETag", etag}}), HasSubstr("ETag")) << etag;
  }
  for (const char* size : {"", "-1", "1x", " 1", "0x1", "18446744073709551616"}) {
    EXPECT_THAT(refusal({{"X-Repo-Commit", kCommit}, {"ETag", kGitSha1}, {"X-Linked-Size", size}}),
                HasSubstr("size"))
        << size;
  }
}

TEST(HubApiTest, ContentRange) {
  const auto range = ParseContentRange("bytes 100-199/200");
  ASSERT_TRUE(range.has_value());
  EXPECT_EQ(range->first, 100);
  EXPECT_EQ(range->total, 200);
  EXPECT_EQ(ParseContentRange("bytes 0-0/*")->total, std::nullopt);
  for (const char* text : {"", "bytes", "bytes */200", "bytes 1-2", "bytes 2-1/3", "bytes 0-3/3",
                           "bytes -1-2/3", "lines 1-2/3", "bytes 1/2-3", "bytes a-b/c"}) {
    EXPECT_FALSE(ParseContentRange(text).has_value()) << text;
  }
}

class HubErrorTest : public testing::Test {
 protected:
  absl::Status Error(int status, const Headers& headers = {}, const std::string& file = "") {
    return HubError({.status = status, .headers = headers}, options_,
                    {.repo = "org/name", .revision = "v1"}, file);
  }
  HubOptions options_{.endpoint = "https://hub.example"};
};

TEST_F(HubErrorTest, SaysWhatIsNotThere) {
  EXPECT_EQ(Error(404, {{"X-Error-Code", "RevisionNotFound"}}),
            absl::NotFoundError("org/name has no revision \"v1\" at https://hub.example"));
  EXPECT_EQ(Error(404, {{"X-Error-Code", "EntryNotFound"}}, "a.json"),
            absl::NotFoundError("org/name has no file \"a.json\" at revision v1"));
  EXPECT_TRUE(absl::IsNotFound(Error(404)));
  EXPECT_THAT(Message(Error(404)), HasSubstr("has no model org/name"));
  EXPECT_THAT(Message(Error(404, {}, "a.json")), HasSubstr("no file \"a.json\""));
}

TEST_F(HubErrorTest, SaysWhatATokenWouldDo) {
  for (const absl::Status& status :
       {Error(401), Error(403), Error(401, {{"X-Error-Code", "GatedRepo"}})}) {
    EXPECT_TRUE(absl::IsPermissionDenied(status));
    EXPECT_THAT(Message(status), HasSubstr("set HF_TOKEN"));
  }
  options_.token = Secret("hf_secret");
  for (const absl::Status& status :
       {Error(401), Error(403), Error(403, {{"X-Error-Code", "GatedRepo"}})}) {
    EXPECT_TRUE(absl::IsPermissionDenied(status));
    EXPECT_THAT(Message(status), AllOf(HasSubstr("HF_TOKEN"), Not(HasSubstr("set HF_TOKEN")),
                                       Not(HasSubstr("hf_secret"))));
  }
}

TEST_F(HubErrorTest, SaysWhatToDoAboutTrouble) {
  EXPECT_TRUE(absl::IsUnavailable(Error(429)));
  EXPECT_TRUE(absl::IsUnavailable(Error(503)));
  EXPECT_TRUE(absl::IsFailedPrecondition(Error(418)));
  EXPECT_THAT(Message(Error(500, {{"X-Error-Message", "a\nb\x1B[31m"}})),
              AllOf(HasSubstr("the hub says: a?b?[31m"), Not(HasSubstr("\n"))));
  EXPECT_LT(Error(500, {{"X-Error-Message", std::string(60'000, 'x')}}).message().size(), 400);
}

}  // namespace
}  // namespace rerankd
