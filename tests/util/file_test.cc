#include "util/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "support/temp_dir.h"

namespace rerankd {
namespace {

TEST(FileTest, ReadsAWholeFile) {
  const TempDir dir;
  const std::string content(100'000, 'x');
  EXPECT_EQ(*ReadFile(dir.Write("f", content)), content);
}

TEST(FileTest, MissingFileIsNotFoundAndNamed) {
  const auto result = ReadFile("/nonexistent/f");
  EXPECT_EQ(result.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(result.status().message()), testing::HasSubstr("/nonexistent/f"));
  EXPECT_EQ(MappedFile::Open("/nonexistent/f").status().code(), absl::StatusCode::kNotFound);
}

TEST(FileTest, AFolderIsRefused) {
  const TempDir dir;
  EXPECT_EQ(ReadFile(dir.path()).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(MappedFile::Open(dir.path()).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(FileTest, AFileOverTheLimitIsRefused) {
  const TempDir dir;
  EXPECT_EQ(ReadFile(dir.Write("f", "12345"), 4).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(FileTest, MapsAndMoves) {
  const TempDir dir;
  auto opened = MappedFile::Open(dir.Write("f", "hello"));
  ASSERT_TRUE(opened.ok());
  MappedFile file = *std::move(opened);
  MappedFile other = std::move(file);
  file = std::move(other);
  ASSERT_EQ(file.bytes().size(), 5U);
  EXPECT_EQ(std::memcmp(file.bytes().data(), "hello", 5), 0);
}

TEST(FileTest, AnEmptyFileCannotBeMapped) {
  const TempDir dir;
  EXPECT_EQ(MappedFile::Open(dir.Write("f", "")).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace rerankd
