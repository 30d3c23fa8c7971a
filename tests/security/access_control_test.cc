#include "security/access_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/errors.h"
#include "support/temp_dir.h"

namespace rerankd {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

const TimePoint kStart{std::chrono::hours(1)};

std::string Line(const std::string& tenant, const std::string& key, TokenRate rate = {},
                 bool admin = false) {
  return FormatApiKey({.tenant = tenant, .hash = HashOf(key), .rate = rate, .admin = admin}) + "\n";
}

class AccessControlTest : public testing::Test {
 protected:
  explicit AccessControlTest() {
    Write(Line("search", "first", {10, 100}) + Line("ops", "second", {}, true));
    auto access = AccessControl::Open(
        file_, [this](const absl::Status& status) { heard_.push_back(status); }, kStart);
    EXPECT_TRUE(access.ok()) << access.status();
    access_ = *std::move(access);
  }

  void Write(const std::string& text) const { folder_.Write("keys", text); }

  const TempDir folder_;
  const std::filesystem::path file_ = folder_.path() / "keys";
  std::unique_ptr<AccessControl> access_;
  std::vector<absl::Status> heard_;
};

TEST_F(AccessControlTest, KnowsWhoseKeyItIs) {
  const auto search = access_->Identify("first", kStart);
  ASSERT_TRUE(search.ok());
  EXPECT_EQ(search->tenant, "search");
  EXPECT_FALSE(search->admin);
  ASSERT_NE(search->quota, nullptr);
  const auto ops = access_->Identify("second", kStart);
  ASSERT_TRUE(ops.ok());
  EXPECT_TRUE(ops->admin);
  EXPECT_EQ(ops->quota, nullptr);
}

TEST_F(AccessControlTest, NoKeyAndAWrongKeyAreToldTheSame) {
  const absl::Status missing = access_->Identify("", kStart).status();
  const absl::Status wrong = access_->Identify("First", kStart).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(missing, wrong);
  EXPECT_EQ(ReasonOf(wrong), "API_KEY_REQUIRED");
  // Not even when somebody lists the hash of nothing.
  Write(Line("nobody", ""));
  EXPECT_EQ(access_->Identify("", kStart + seconds(1)).status(), missing);
}

TEST_F(AccessControlTest, AKeyIsReplacedWithoutRestart) {
  Write(Line("search", "first", {10, 100}) + Line("search", "next", {10, 100}));
  EXPECT_TRUE(access_->Identify("first", kStart + seconds(1)).ok());
  EXPECT_TRUE(access_->Identify("next", kStart + seconds(1)).ok());
  Write(Line("search", "next", {10, 100}));
  EXPECT_FALSE(access_->Identify("first", kStart + seconds(2)).ok());
  EXPECT_TRUE(access_->Identify("next", kStart + seconds(2)).ok());
  ASSERT_EQ(heard_.size(), 2U);
  EXPECT_TRUE(heard_[1].ok());
}

TEST_F(AccessControlTest, ABrokenFileLeavesTheOldKeysValid) {
  Write("search first\n");
  EXPECT_TRUE(access_->Identify("first", kStart + seconds(1)).ok());
  ASSERT_EQ(heard_.size(), 1U);
  EXPECT_EQ(heard_[0].code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(heard_[0].message()), HasSubstr(file_.string() + ": line 1: "));
  EXPECT_THAT(std::string(heard_[0].message()), testing::Not(HasSubstr("first")));
}

TEST_F(AccessControlTest, AFileThatIsTooLargeIsRefusedWhateverIsInIt) {
  std::string text = Line("search", "next");
  text.resize((size_t{1} << 20) + 1, '\n');
  Write(text);
  EXPECT_TRUE(access_->Identify("first", kStart + seconds(1)).ok());
  ASSERT_EQ(heard_.size(), 1U);
  EXPECT_THAT(std::string(heard_[0].message()), HasSubstr("more than the 1048576"));
  text.pop_back();
  Write(text);
  EXPECT_TRUE(access_->Identify("next", kStart + seconds(2)).ok());
}

TEST_F(AccessControlTest, AllKeysOfATenantShareItsBalanceAndItSurvivesAChange) {
  Write(Line("search", "first", {10, 100}) + Line("search", "next", {10, 100}));
  const TimePoint now = kStart + seconds(1);
  EXPECT_FALSE(access_->Identify("first", now)->quota->Take(100, now).has_value());
  EXPECT_TRUE(access_->Identify("next", now)->quota->Take(1, now).has_value());
  Write(Line("search", "next", {1, 100}));
  const TimePoint later = kStart + seconds(2);
  const auto caller = access_->Identify("next", later);
  ASSERT_TRUE(caller.ok());
  EXPECT_FALSE(caller->quota->Take(21, later).has_value()) << "what the old rate had gained";
  EXPECT_EQ(caller->quota->Take(1, later), seconds(12)) << "at the new rate";
}

TEST_F(AccessControlTest, ATenantThatIsTakenOutAndPutBackHasNoNewBurst) {
  const std::string others = Line("ops", "second", {}, true);
  EXPECT_FALSE(access_->Identify("first", kStart)->quota->Take(150, kStart).has_value());
  TimePoint now = kStart;
  const auto look = [&](const std::string& text) {
    Write(text);
    now += seconds(1);
    return access_->Identify("first", now);
  };
  EXPECT_FALSE(look(others).ok());
  EXPECT_FALSE(look(others + "# still out\n").ok());
  const auto back = look(Line("search", "first", {10, 100}) + others);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->quota->Take(1, now), std::chrono::milliseconds(2100)) << "-50, and 3 s of 10";
  // Nor does one that has no limit for a while.
  EXPECT_EQ(look(Line("search", "first") + others)->quota, nullptr);
  EXPECT_EQ(look(Line("search", "first", {10, 100}))->quota->Take(1, now),
            std::chrono::milliseconds(100));
  // Once all that was spent has come back, there is no difference to a new tenant.
  now += seconds(60);
  EXPECT_FALSE(look(others).ok());
  const auto fresh = look(Line("search", "first", {10, 1000}));
  EXPECT_FALSE(fresh->quota->Take(900, now).has_value());
  EXPECT_FALSE(fresh->quota->Take(1, now).has_value());
}

TEST(KeyInMetadataTest, BearerElseTheHeaderOfItsOwn) {
  EXPECT_EQ(KeyInMetadata("Bearer abc", ""), "abc");
  EXPECT_EQ(KeyInMetadata("bEARER abc", "def"), "abc");
  EXPECT_EQ(KeyInMetadata("", "def"), "def");
  EXPECT_EQ(KeyInMetadata("Basic abc", "def"), "def");
  EXPECT_EQ(KeyInMetadata("Bearer ", ""), "");
  EXPECT_EQ(KeyInMetadata("Bearerabc", ""), "");
  EXPECT_EQ(KeyInMetadata("abc", ""), "");
}

TEST(AccessControlOpenTest, AFileThatIsNotThereOrWrongIsNamed) {
  const TempDir folder;
  const auto missing = AccessControl::Open(folder.path() / "none", nullptr, kStart);
  EXPECT_THAT(std::string(missing.status().message()),
              HasSubstr((folder.path() / "none").string()));
  const auto wrong = AccessControl::Open(folder.Write("keys", "a b c"), nullptr, kStart);
  EXPECT_THAT(std::string(wrong.status().message()), HasSubstr("keys: line 1: "));
}

}  // namespace
}  // namespace rerankd
