#include "hub/cache_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "support/temp_dir.h"
#include "util/file.h"

namespace rerankd {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(CacheFilesTest, WritesWholeFilesAndLeavesNothingElse) {
  const TempDir folder;
  const fs::path file = folder.path() / "a" / "b";
  ASSERT_TRUE(WriteWhole(file, "one").ok());
  EXPECT_EQ(ReadFile(file).value(), "one");
  ASSERT_TRUE(WriteWhole(file, "two").ok());
  EXPECT_EQ(ReadFile(file).value(), "two");
  ASSERT_TRUE(WriteWhole(file, "").ok());
  EXPECT_EQ(ReadFile(file).value(), "");
  EXPECT_EQ(std::distance(fs::directory_iterator(file.parent_path()), {}), 1);
}

TEST(CacheFilesTest, AFileThatIsRightIsNotTouched) {
  const TempDir folder;
  const fs::path file = folder.Write("a", "one");
  const auto before = fs::last_write_time(file) - std::chrono::hours(1);
  fs::last_write_time(file, before);
  ASSERT_TRUE(WriteWhole(file, "one").ok());
  EXPECT_EQ(fs::last_write_time(file), before);
}

TEST(CacheFilesTest, LinksReplaceWhatIsThere) {
  const TempDir folder;
  const fs::path link = folder.path() / "a" / "link";
  for (const char* target : {"../x", "../y"}) {
    ASSERT_TRUE(MakeLink(target, link).ok());
    EXPECT_EQ(fs::read_symlink(link), target);
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(link.parent_path()), {}), 1);
}

TEST(CacheFilesTest, ErrorsNameThePathAndSayWhatToDo) {
  for (const absl::Status& status :
       {MakeFolder("/proc/nonexistent/a"), WriteWhole("/proc/nonexistent/a/b", "c"),
        MakeLink("x", "/proc/nonexistent/a/b"), CacheError("/proc/nonexistent", "x", EROFS)}) {
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("/proc/nonexistent"), HasSubstr("HF_HUB_CACHE")));
  }
  const absl::Status full = CacheError("/a", "cannot be written", ENOSPC);
  EXPECT_EQ(full.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(full.message()), HasSubstr("the disk is full"));
}

TEST(CacheFilesTest, SpaceIsCheckedBeforehand) {
  const TempDir folder;
  EXPECT_TRUE(CheckSpace(folder.path(), 0).ok());
  const absl::Status status = CheckSpace(folder.path(), uint64_t{1} << 62);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(folder.path().string()), HasSubstr("needs")));
}

}  // namespace
}  // namespace rerankd
