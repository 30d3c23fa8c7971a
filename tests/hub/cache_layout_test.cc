#include "hub/cache_layout.h"

#include <gtest/gtest.h>

#include <string>

namespace rerankd {
namespace {

TEST(CacheLayoutTest, IsThatOfHuggingFaceHub) {
  const ModelId id{.repo = "org/name", .revision = "refs/pr/1"};
  const CacheLayout layout("/cache", id);
  EXPECT_EQ(layout.Folder(), "/cache/models--org--name");
  EXPECT_EQ(layout.Blob("abc"), "/cache/models--org--name/blobs/abc");
  EXPECT_EQ(layout.Incomplete("abc"), "/cache/models--org--name/blobs/abc.incomplete");
  EXPECT_EQ(layout.Lock("abc"), "/cache/.locks/models--org--name/abc.lock");
  EXPECT_EQ(layout.Ref(), "/cache/models--org--name/refs/refs/pr/1");
  EXPECT_EQ(layout.Snapshot("def"), "/cache/models--org--name/snapshots/def");
  EXPECT_EQ(layout.NoExist("def", "a.json"), "/cache/models--org--name/.no_exist/def/a.json");
  EXPECT_EQ(CacheLayout("/cache", {.repo = "name"}).Folder(), "/cache/models--name");
}

TEST(CacheLayoutTest, LinksAreRelative) {
  EXPECT_EQ(CacheLayout::LinkTarget("config.json", "abc"), "../../blobs/abc");
  EXPECT_EQ(CacheLayout::LinkTarget("1_Pooling/config.json", "abc"), "../../../blobs/abc");
}

TEST(CacheLayoutTest, PathsThatStayBelowTheirFolder) {
  for (const std::string path : {"a", "a/b.c", "..a", "a..b/c", "a b", "h\xC3\xBC",
                                 ".gitattributes", "...", "-", "$HOME", "~"}) {
    EXPECT_TRUE(IsSafeRepoPath(path)) << path;
  }
  for (const std::string path : {"", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/.", "a/..",
                                 "../a", "a/../b", "a\\b", "..\\a", "a\n", "\x7F"}) {
    EXPECT_FALSE(IsSafeRepoPath(path)) << path;
  }
  EXPECT_FALSE(IsSafeRepoPath(std::string("a\0b", 3)));
  EXPECT_FALSE(IsSafeRepoPath(std::string(256, 'a')));  // longer than a file's name may be
  std::string deep = "a";
  for (int n = 0; n < 600; ++n) deep += "/a";
  EXPECT_FALSE(IsSafeRepoPath(deep));
}

}  // namespace
}  // namespace rerankd
