#include "security/reloaded.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/temp_dir.h"

namespace rerankd {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

const TimePoint kStart{std::chrono::hours(1)};

class ReloadedTest : public testing::Test {
 protected:
  // What two files hold together; one that says "bad" is.
  struct Pair {
    std::string text;
  };

  absl::Status Open(const fs::path& first, const fs::path& second) {
    auto opened = Reloaded<Pair>::Open(
        {first, second},
        [this, first, second](TimePoint) -> absl::StatusOr<Pair> {
          ++loads_;  // by several at once, where loading takes longer than until the next look
          if (refuse_) return absl::FailedPreconditionError("not now");
          Pair pair;
          for (const fs::path& file : {first, second}) {
            auto text = ReadFile(file);
            if (!text.ok()) return text.status();
            if (text->starts_with("bad")) return absl::FailedPreconditionError(*text);
            pair.text += *text;
          }
          return pair;
        },
        [this](const absl::Status& status) {
          const std::lock_guard lock(heard_mutex_);
          heard_.emplace_back(status.message());
        },
        kStart);
    if (!opened.ok()) return opened.status();
    reloaded_ = *std::move(opened);
    return absl::OkStatus();
  }

  std::string Text(TimePoint now) { return reloaded_->Get(now)->text; }

  const TempDir folder_;
  const fs::path a_ = folder_.Write("a", "one");
  const fs::path b_ = folder_.Write("b", "");
  std::unique_ptr<Reloaded<Pair>> reloaded_;
  std::mutex heard_mutex_;
  std::vector<std::string> heard_;
  std::atomic<int> loads_ = 0;
  bool refuse_ = false;
};

TEST_F(ReloadedTest, TheFirstOneMustBeRight) {
  folder_.Write("b", "bad");
  EXPECT_EQ(Open(a_, b_).message(), "bad");
  EXPECT_FALSE(Open(a_, folder_.path() / "none").ok());
}

TEST_F(ReloadedTest, IsMadeAgainWhenAFileChanged) {
  ASSERT_TRUE(Open(a_, b_).ok());
  EXPECT_EQ(Text(kStart + seconds(100)), "one");
  EXPECT_EQ(loads_, 1) << "nothing had changed";
  folder_.Write("b", "two");
  EXPECT_EQ(Text(kStart + seconds(200)), "onetwo");
  EXPECT_EQ(heard_, std::vector<std::string>{""});
}

TEST_F(ReloadedTest, LooksOnceASecondAtMost) {
  ASSERT_TRUE(Open(a_, b_).ok());
  folder_.Write("a", "other");
  EXPECT_EQ(Text(kStart), "one");
  EXPECT_EQ(Text(kStart + seconds(1)), "other");
  folder_.Write("a", "third!");
  EXPECT_EQ(Text(kStart + seconds(1)), "other");
  EXPECT_EQ(Text(kStart + seconds(2)), "third!");
}

TEST_F(ReloadedTest, WhatCannotBeMadeLeavesTheLastAndIsToldOnce) {
  ASSERT_TRUE(Open(a_, b_).ok());
  folder_.Write("a", "bad");
  for (int i = 1; i < 10; ++i) EXPECT_EQ(Text(kStart + seconds(i)), "one");
  EXPECT_EQ(heard_, std::vector<std::string>{"bad"});
  EXPECT_EQ(loads_, 10) << "what was wrong may be no matter of the file";
  // Written anew and as broken.
  folder_.Write("b", "x");
  EXPECT_EQ(Text(kStart + seconds(20)), "one");
  EXPECT_EQ(heard_.size(), 1U);
  folder_.Write("a", "bad in another way");
  EXPECT_EQ(Text(kStart + seconds(30)), "one");
  EXPECT_EQ(heard_.size(), 2U);
  fs::remove(a_);
  EXPECT_EQ(Text(kStart + seconds(40)), "one");
  EXPECT_EQ(heard_.size(), 3U);
  folder_.Write("a", "two");
  EXPECT_EQ(Text(kStart + seconds(50)), "twox");
  EXPECT_EQ(heard_.back(), "");
}

TEST_F(ReloadedTest, WhatCouldNotBeMadeIsTriedAgainThoughNoFileChanged) {
  ASSERT_TRUE(Open(a_, b_).ok());
  folder_.Write("a", "two");
  refuse_ = true;
  EXPECT_EQ(Text(kStart + seconds(1)), "one");
  refuse_ = false;
  EXPECT_EQ(Text(kStart + seconds(2)), "two");
  EXPECT_EQ(heard_, (std::vector<std::string>{"not now", ""}));
}

TEST_F(ReloadedTest, FollowsTheLinkOfAKubernetesSecret) {
  folder_.Write("..one/a", "1");
  folder_.Write("..one/b", "1");
  folder_.Write("..two/a", "2");
  folder_.Write("..two/b", "2");
  fs::create_symlink("..one", folder_.path() / "..data");
  for (const char* const name : {"ka", "kb"}) {
    fs::create_symlink(fs::path("..data") / (name + 1), folder_.path() / name);
  }
  ASSERT_TRUE(Open(folder_.path() / "ka", folder_.path() / "kb").ok());
  EXPECT_EQ(Text(kStart + seconds(1)), "11");
  fs::create_symlink("..two", folder_.path() / "..data_tmp");
  fs::rename(folder_.path() / "..data_tmp", folder_.path() / "..data");
  fs::remove_all(folder_.path() / "..one");
  EXPECT_EQ(Text(kStart + seconds(2)), "22");
}

TEST_F(ReloadedTest, ManyMayAskWhileItChanges) {
  ASSERT_TRUE(Open(a_, b_).ok());
  std::atomic<int> second{0};
  std::atomic<bool> stop{false};
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < 4; ++i) {
      readers.emplace_back([&] {
        while (!stop) {
          const auto pair = reloaded_->Get(kStart + seconds(second));
          EXPECT_FALSE(pair->text.empty());
        }
      });
    }
    for (int i = 1; i <= 100; ++i) {
      folder_.Write("new", std::string(static_cast<size_t>(i), 'x'));
      fs::rename(folder_.path() / "new", a_);
      ++second;
    }
    stop = true;
  }
  EXPECT_EQ(Text(kStart + seconds(1000)), std::string(100, 'x'));
}

}  // namespace
}  // namespace rerankd
