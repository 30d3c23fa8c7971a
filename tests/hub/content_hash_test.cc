#include "hub/content_hash.h"

#include <gtest/gtest.h>

#include <string>

#include "support/temp_dir.h"

namespace rerankd {
namespace {

// By sha256sum and by git hash-object.
constexpr char kHelloSha256[] = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
constexpr char kHelloGit[] = "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0";
constexpr char kEmptySha256[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr char kEmptyGit[] = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";

TEST(ContentHashTest, Sha256AndGit) {
  const TempDir folder;
  const auto hello = folder.Write("hello", "hello");
  const auto empty = folder.Write("empty", "");
  EXPECT_EQ(HashLike(kHelloSha256, hello, {}).value(), kHelloSha256);
  EXPECT_EQ(HashLike(kHelloGit, hello, {}).value(), kHelloGit);
  EXPECT_EQ(HashLike(kHelloSha256, empty, {}).value(), kEmptySha256);
  EXPECT_EQ(HashLike(kHelloGit, empty, {}).value(), kEmptyGit);
}

TEST(ContentHashTest, InSeveralPieces) {
  const TempDir folder;
  const auto file = folder.Write("a", std::string(3'000'000, 'a'));
  EXPECT_EQ(HashLike(kHelloSha256, file, {}).value(),
            "2a152c894398719c0570f83fac34ac03a0f6e8e474b995c2403aa5434f7b9dd4");
}

TEST(ContentHashTest, ErrorsAndCancellation) {
  const TempDir folder;
  EXPECT_EQ(HashLike(kHelloGit, folder.path() / "none", {}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(HashLike(kHelloGit, folder.Write("a", "a"), stop.get_token()).status().code(),
            absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace rerankd
