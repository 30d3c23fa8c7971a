#include "hub/file_lock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>

#include "support/temp_dir.h"

namespace rerankd {
namespace {

TEST(FileLockTest, ASecondHolderWaitsForTheFirst) {
  const TempDir folder;
  const auto path = folder.path() / "a" / "b.lock";
  std::optional<FileLock> first = FileLock::Acquire(path, [] { ADD_FAILURE(); }, {}).value();
  std::atomic<bool> held = true;
  std::atomic<int> waits = 0;
  std::jthread other([&] {
    const auto second = FileLock::Acquire(path,
                                          [&] {
                                            ++waits;
                                            held = false;
                                            first.reset();
                                          },
                                          {});
    EXPECT_TRUE(second.ok());
    EXPECT_FALSE(held);
  });
  other.join();
  EXPECT_EQ(waits, 1);
}

TEST(FileLockTest, TheFileStays) {
  const TempDir folder;
  const auto path = folder.path() / "a.lock";
  {
    ASSERT_TRUE(FileLock::Acquire(path, [] {}, {}).ok());
  }
  EXPECT_TRUE(std::filesystem::exists(path));
  EXPECT_TRUE(FileLock::Acquire(path, [] { ADD_FAILURE(); }, {}).ok());
  struct stat info{};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0664);
}

TEST(FileLockTest, AFileThatIsRemovedWhileWaitedForIsMadeAgain) {
  const TempDir folder;
  const auto path = folder.path() / "a.lock";
  std::optional<FileLock> first = FileLock::Acquire(path, [] {}, {}).value();
  const auto second = FileLock::Acquire(path,
                                        [&] {
                                          std::filesystem::remove(path);
                                          first.reset();
                                        },
                                        {});
  EXPECT_TRUE(second.ok());
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(FileLockTest, WaitingCanBeCancelled) {
  const TempDir folder;
  const auto path = folder.path() / "a.lock";
  const auto first = FileLock::Acquire(path, [] {}, {});
  std::stop_source stop;
  const auto second = FileLock::Acquire(path, [&] { stop.request_stop(); }, stop.get_token());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kCancelled);
}

TEST(FileLockTest, APlaceThatHasNone) {
  const auto lock = FileLock::Acquire("/proc/nonexistent/a.lock", [] {}, {});
  EXPECT_EQ(lock.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(lock.status().message()), testing::HasSubstr("/proc/nonexistent"));
}

}  // namespace
}  // namespace rerankd
