#include "hub/model_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace rerankd {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ModelIdTest, WhatHuggingFaceHubAllows) {
  for (const char* repo : {"foo", "foo/bar", "123", "Foo-BAR_foo.bar123", "a", "_a/b_",
                           "BAAI/bge-reranker-v2-m3", "cross-encoder/ms-marco-MiniLM-L-6-v2"}) {
    const auto id = MakeModelId(repo);
    ASSERT_TRUE(id.ok()) << repo;
    EXPECT_EQ(id->repo, repo);
    EXPECT_EQ(id->revision, "main");
  }
  EXPECT_TRUE(MakeModelId(std::string(96, 'a') + "/" + std::string(96, 'b')).ok());
}

TEST(ModelIdTest, WhatHuggingFaceHubRefuses) {
  for (const std::string repo :
       {"",          "/",        "a/",          "/a",      "a/b/c",     "datasets/foo/bar",
        ".repo_id",  "foo--bar", "other..repo", "foo.git", "a/foo.git", "-a",
        "a-",        "a.",       "a b",         "a\\b",    "../x",      "a/..",
        "h\xC3\xBC", "a\n",      "a/b\x01"}) {
    const auto id = MakeModelId(repo);
    EXPECT_EQ(id.status().code(), absl::StatusCode::kInvalidArgument) << repo;
    EXPECT_THAT(std::string(id.status().message()), HasSubstr("is no model id: "));
  }
  EXPECT_FALSE(MakeModelId(std::string(97, 'a')).ok());
}

TEST(ModelIdTest, AnAddressIsNoIdAndItsPasswordIsNotShown) {
  const std::string message(MakeModelId("https://user:sesame@hub.example/a/b").status().message());
  EXPECT_THAT(message, HasSubstr("give the id alone"));
  EXPECT_THAT(message, Not(HasSubstr("sesame")));
}

TEST(ModelIdTest, RevisionsAreBranchesTagsAndCommits) {
  for (const std::string revision : {"main", "v1.0", "refs/pr/1", "feature/a-b_c",
                                     "5617a9f61b028005a4858fdac845db406aefb181", "h\xC3\xBC"}) {
    const auto id = MakeModelId("a/b", revision);
    ASSERT_TRUE(id.ok()) << revision;
    EXPECT_EQ(id->revision, revision);
  }
  EXPECT_EQ(MakeModelId("a/b", "")->revision, "main");
}

TEST(ModelIdTest, RevisionsThatWouldLeaveTheirFolder) {
  for (const std::string revision : {"..", "../x", "a/../b", "/a", "a/", "a//b", ".", ".hidden",
                                     "a/.b", "a b", "a\\b", "a\nb", "a:b", "a*", "a.lock"}) {
    EXPECT_EQ(MakeModelId("a/b", revision).status().code(), absl::StatusCode::kInvalidArgument)
        << revision;
  }
  EXPECT_FALSE(MakeModelId("a/b", std::string(256, 'a')).ok());
}

TEST(ModelIdTest, ACommitHasFortyDigits) {
  EXPECT_TRUE(IsCommit("5617a9f61b028005a4858fdac845db406aefb181"));
  EXPECT_FALSE(IsCommit("5617a9f61b028005a4858fdac845db406aefb18"));
  EXPECT_FALSE(IsCommit("5617A9F61B028005A4858FDAC845DB406AEFB181"));
  EXPECT_FALSE(IsCommit("main"));
}

TEST(ModelIdTest, AsText) {
  EXPECT_EQ(ToString(*MakeModelId("a/b")), "a/b");
  EXPECT_EQ(ToString(*MakeModelId("a/b", "v1")), "a/b@v1");
}

}  // namespace
}  // namespace rerankd
