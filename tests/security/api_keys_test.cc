#include "security/api_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace rerankd {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// SHA-256 of "abc", as FIPS 180-4 states it.
constexpr char kAbc[] = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const std::string kDef = "sha256:" + std::string(64, 'd');

std::string ErrorOf(const std::string& text) {
  const auto keys = ParseApiKeys(text);
  EXPECT_EQ(keys.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(keys.status().message());
}

TEST(ApiKeysTest, ReadsWhatEachLineSays) {
  const auto keys =
      ParseApiKeys(std::string("# our callers\n\nsearch ") + kAbc +
                   " tokens_per_second=500 burst=2000\r\n" + "\tops.1\t" + kDef + " admin");
  ASSERT_TRUE(keys.ok()) << keys.status();
  ASSERT_EQ(keys->size(), 2U);
  EXPECT_EQ(keys->at(0).tenant, "search");
  EXPECT_EQ(keys->at(0).hash, HashOf("abc"));
  EXPECT_EQ(keys->at(0).rate, (TokenRate{500, 2000}));
  EXPECT_FALSE(keys->at(0).admin);
  EXPECT_EQ(keys->at(1).tenant, "ops.1");
  EXPECT_EQ(keys->at(1).rate, TokenRate());
  EXPECT_TRUE(keys->at(1).admin);
}

TEST(ApiKeysTest, AByteOrderMarkOfAnEditorIsNoPartOfATenant) {
  const std::string mark = "\xEF\xBB\xBF";
  const auto keys = ParseApiKeys(mark + "search " + kAbc + "\r\n");
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(keys->at(0).tenant, "search");
  EXPECT_THAT(ErrorOf(mark), HasSubstr("empty"));
  EXPECT_THAT(ErrorOf("# a\n" + mark + "search " + kAbc), HasSubstr("line 2: a tenant's name"));
}

TEST(ApiKeysTest, ARateWithoutABurstHasTenSecondsOfIt) {
  const auto keys = ParseApiKeys(std::string("a ") + kAbc + " tokens_per_second=7");
  ASSERT_TRUE(keys.ok());
  EXPECT_EQ(keys->at(0).rate.burst, 70);
}

TEST(ApiKeysTest, ABurstThatNobodyGaveIsOneThatCouldBeGiven) {
  const auto keys = ParseApiKeys(std::string("a ") + kAbc + " tokens_per_second=900000000000");
  ASSERT_TRUE(keys.ok());
  EXPECT_TRUE(ParseApiKeys(FormatApiKey(keys->at(0))).ok());
}

TEST(ApiKeysTest, CommentsOnlyLetNobodyIn) {
  const auto keys = ParseApiKeys("# nobody\n");
  ASSERT_TRUE(keys.ok());
  EXPECT_TRUE(keys->empty());
  EXPECT_THAT(ErrorOf(""), HasSubstr("empty"));
}

TEST(ApiKeysTest, SaysWhichLineIsWrongAndNotWhatIsInIt) {
  const std::string abc = kAbc;
  EXPECT_THAT(ErrorOf("#\nteam!hush " + abc), HasSubstr("line 2: a tenant's name must be"));
  EXPECT_THAT(ErrorOf("team hushkey"), HasSubstr("line 1: after the tenant must come"));
  EXPECT_THAT(ErrorOf("team " + abc + "hush"), HasSubstr("line 1: after the tenant must come"));
  EXPECT_THAT(ErrorOf("team sha256:hush" + std::string(60, '0')), HasSubstr("line 1"));
  EXPECT_THAT(ErrorOf("team"), HasSubstr("line 1"));
  EXPECT_THAT(ErrorOf("team " + abc + " hush"), HasSubstr("may come only"));
  EXPECT_THAT(ErrorOf("team " + abc + " tokens_per_second=0"), HasSubstr("whole number"));
  EXPECT_THAT(ErrorOf("team " + abc + " tokens_per_second=1k"), HasSubstr("whole number"));
  EXPECT_THAT(ErrorOf("team " + abc + " tokens_per_second=-1"), HasSubstr("whole number"));
  EXPECT_THAT(ErrorOf("team " + abc + " burst=10"), HasSubstr("needs tokens_per_second"));
  for (const char* const text : {"hush", "a hush", "a hush b", "a sha256:hush", "hush\x01 x"}) {
    EXPECT_THAT(ErrorOf(text), Not(HasSubstr("hush")));
  }
}

TEST(ApiKeysTest, AKeyIsOfOneTenantAndATenantHasOneRate) {
  const std::string abc = kAbc;
  EXPECT_THAT(ErrorOf("a " + abc + "\nb " + abc), HasSubstr("line 2: this key"));
  EXPECT_THAT(ErrorOf("a " + abc + " tokens_per_second=5\na " + kDef),
              HasSubstr("line 2: the tenant has another rate"));
  EXPECT_TRUE(ParseApiKeys("a " + abc + " tokens_per_second=5\na " + kDef +
                           " tokens_per_second=5 burst=50 admin")
                  .ok());
}

TEST(ApiKeysTest, MoreKeysThanAreCheckedQuicklyAreRefused) {
  std::string text;
  for (int i = 0; i < 4097; ++i) {
    ApiKey key{.tenant = "t"};
    key.hash[0] = static_cast<uint8_t>(i);
    key.hash[1] = static_cast<uint8_t>(i >> 8);
    text += FormatApiKey(key) + "\n";
    if (i == 4095) {
      EXPECT_TRUE(ParseApiKeys(text).ok());
    }
  }
  EXPECT_THAT(ErrorOf(text), HasSubstr("line 4097: more than 4096 keys"));
}

TEST(ApiKeysTest, FindsAKeyByAllOfItsHash) {
  std::vector<ApiKey> keys(3);
  keys[0].hash = HashOf("one");
  keys[1].hash = HashOf("two");
  keys[2].hash = HashOf("three");
  EXPECT_EQ(FindApiKey(keys, HashOf("one")), keys.data());
  EXPECT_EQ(FindApiKey(keys, HashOf("three")), &keys[2]);
  EXPECT_EQ(FindApiKey(keys, HashOf("four")), nullptr);
  for (const size_t byte : {size_t{0}, size_t{31}}) {
    KeyHash near = HashOf("two");
    near.at(byte) ^= 1;
    EXPECT_EQ(FindApiKey(keys, near), nullptr);
  }
  EXPECT_EQ(FindApiKey({}, HashOf("")), nullptr);
}

TEST(ApiKeysTest, WhatIsPrintedReadsAsTheSameAgain) {
  for (const ApiKey& key :
       {ApiKey{.tenant = "a", .hash = HashOf("x")},
        ApiKey{.tenant = "b.c-d_E9", .hash = HashOf("y"), .rate = {1e12, 3}},
        ApiKey{.tenant = "c", .hash = HashOf("z"), .rate = {5, 50}, .admin = true}}) {
    const auto again = ParseApiKeys(FormatApiKey(key));
    ASSERT_TRUE(again.ok()) << again.status();
    ASSERT_EQ(again->size(), 1U);
    EXPECT_EQ(again->at(0).tenant, key.tenant);
    EXPECT_EQ(again->at(0).hash, key.hash);
    EXPECT_EQ(again->at(0).rate, key.rate);
    EXPECT_EQ(again->at(0).admin, key.admin);
  }
}

TEST(ApiKeysTest, NewKeysAreLongAndNoTwoAreTheSame) {
  std::set<std::string> keys;
  std::set<char> characters;
  for (int i = 0; i < 100; ++i) {
    const auto key = MakeApiKey();
    ASSERT_TRUE(key.ok());
    EXPECT_EQ(key->Reveal().size(), 47U);
    EXPECT_TRUE(key->Reveal().starts_with("rr_"));
    characters.insert(key->Reveal().begin() + 3, key->Reveal().end());
    keys.insert(key->Reveal());
  }
  EXPECT_EQ(keys.size(), 100U);
  EXPECT_EQ(characters.size(), 64U);
}

}  // namespace
}  // namespace rerankd
