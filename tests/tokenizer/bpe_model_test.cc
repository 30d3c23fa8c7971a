#include "tokenizer/bpe_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rerankd {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

// The whole alphabet by byte (so that the ids of ASCII letters are known), then `merges`.
BpeModel::Options WithMerges(const std::vector<std::pair<std::string, std::string>>& merges) {
  BpeModel::Options options;
  for (int byte = 0; byte < 256; ++byte) {
    // What is printable stands for itself; the tests use no other byte.
    options.vocabulary.push_back(byte >= '!' && byte <= '~'
                                     ? std::string(1, static_cast<char>(byte))
                                     : "?" + std::to_string(byte));
  }
  // The rest of ByteLevel's alphabet.
  for (int c = 0xA1; c < 0x144; ++c) {
    if (c == 0xAD) continue;
    options.vocabulary.push_back({static_cast<char>(0xC0 | c >> 6),  // UTF-8
                                  static_cast<char>(0x80 | (c & 0x3F))});
  }
  options.merges = merges;
  for (const auto& [left, right] : merges) {
    if (std::find(options.vocabulary.begin(), options.vocabulary.end(), left + right) ==
        options.vocabulary.end()) {
      options.vocabulary.push_back(left + right);
    }
  }
  return options;
}

BpeModel Make(const BpeModel::Options& options) {
  absl::StatusOr<BpeModel> model = BpeModel::Create(options, "m");
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

std::string Error(const BpeModel::Options& options) {
  const absl::StatusOr<BpeModel> model = BpeModel::Create(options, "m");
  EXPECT_EQ(model.status().code(), absl::StatusCode::kFailedPrecondition);
  return std::string(model.status().message());
}

std::vector<std::string> Tokens(const BpeModel::Options& options, std::string_view word) {
  std::vector<int32_t> ids;
  Make(options).Encode(word, ids);
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const int32_t id : ids) tokens.push_back(options.vocabulary[id]);
  return tokens;
}

TEST(BpeModelTest, MergesTheLowestRankFirst) {
  EXPECT_THAT(Tokens(WithMerges({{"b", "c"}, {"a", "b"}, {"bc", "d"}}), "abcd"),
              ElementsAre("a", "bcd"));
  EXPECT_THAT(Tokens(WithMerges({{"a", "b"}, {"b", "c"}, {"bc", "d"}}), "abcd"),
              ElementsAre("ab", "c", "d"));
}

TEST(BpeModelTest, MergesTheLeftmostOfEqualRankFirst) {
  EXPECT_THAT(Tokens(WithMerges({{"a", "a"}}), "aaaaa"), ElementsAre("aa", "aa", "a"));
}

TEST(BpeModelTest, ALaterMergeOfTheSameTokensReplacesTheEarlierOne) {
  EXPECT_THAT(Tokens(WithMerges({{"a", "b"}, {"b", "c"}, {"a", "b"}}), "abc"),
              ElementsAre("a", "bc"));
}

TEST(BpeModelTest, ATokenNeedsAMergeUnlessMergesAreIgnored) {
  BpeModel::Options options = WithMerges({{"a", "b"}});
  options.vocabulary.push_back("abab");
  EXPECT_THAT(Tokens(options, "abab"), ElementsAre("ab", "ab"));
  options.ignore_merges = true;
  EXPECT_THAT(Tokens(options, "abab"), ElementsAre("abab"));
  EXPECT_THAT(Tokens(options, "ababa"), ElementsAre("ab", "ab", "a"));
}

TEST(BpeModelTest, BytesWithoutAToken) {
  BpeModel::Options options;
  options.vocabulary = {"a", "b", "ab", "<unk>", "<0x78>"};
  options.merges = {{"a", "b"}};
  EXPECT_THAT(Tokens(options, "axbxxy"), ElementsAre("ab"));  // without an unknown token: nothing
  EXPECT_THAT(Tokens(options, "xy"), IsEmpty());
  options.unknown_token = "<unk>";
  EXPECT_THAT(Tokens(options, "xayyb"), ElementsAre("<unk>", "a", "<unk>", "<unk>", "b"));
  options.fuse_unknown = true;
  EXPECT_THAT(Tokens(options, "xayyb"), ElementsAre("<unk>", "a", "<unk>", "b"));
  options.byte_fallback = true;
  // An unknown byte is counted when the next known one comes, and a fallback is none.
  EXPECT_THAT(Tokens(options, "yxxab"), ElementsAre("<0x78>", "<0x78>", "<unk>", "ab"));
}

// Merges, one at a time, as they are defined.
std::vector<std::string> ByDefinition(const BpeModel::Options& options, std::string_view word) {
  std::map<std::pair<std::string, std::string>, size_t> ranks;
  for (size_t rank = 0; rank < options.merges.size(); ++rank) ranks[options.merges[rank]] = rank;
  std::vector<std::string> tokens;
  for (const char c : word) tokens.emplace_back(1, c);
  while (true) {
    size_t best = tokens.size();
    size_t best_rank = options.merges.size();
    for (size_t at = 0; at + 1 < tokens.size(); ++at) {
      const auto found = ranks.find({tokens[at], tokens[at + 1]});
      if (found != ranks.end() && found->second < best_rank) {
        best = at;
        best_rank = found->second;
      }
    }
    if (best == tokens.size()) return tokens;
    tokens[best] += tokens[best + 1];
    tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

// Random merges of random tokens, also in orders that no training would yield.
BpeModel::Options RandomModel(std::mt19937& random, std::string_view letters, size_t merges) {
  std::vector<std::string> tokens;
  for (const char c : letters) tokens.emplace_back(1, c);
  std::vector<std::pair<std::string, std::string>> list;
  while (list.size() < merges) {
    const std::pair<std::string, std::string> merge{tokens[random() % tokens.size()],
                                                    tokens[random() % tokens.size()]};
    if (merge.first.size() + merge.second.size() > 24 ||
        std::find(list.begin(), list.end(), merge) != list.end()) {
      continue;
    }
    list.push_back(merge);
    tokens.push_back(merge.first + merge.second);
  }
  if (random() % 2 == 0) std::shuffle(list.begin(), list.end(), random);
  return WithMerges(list);
}

std::string RandomWord(std::mt19937& random, std::string_view letters, size_t length) {
  std::string word;
  while (word.size() < length) word += letters[random() % letters.size()];
  return word;
}

TEST(BpeModelTest, WordsOfAllLengthsAsDefined) {
  std::mt19937 random(1);
  for (int round = 0; round < 60; ++round) {
    const std::string_view letters = round % 3 == 0 ? "a" : round % 3 == 1 ? "ab" : "abcd";
    const BpeModel::Options options = RandomModel(random, letters, letters.size() == 1 ? 6 : 20);
    for (size_t length = 1; length < 150; length += 1 + random() % 7) {
      const std::string word = RandomWord(random, letters, length);
      ASSERT_EQ(Tokens(options, word), ByDefinition(options, word)) << word;
    }
  }
}

TEST(BpeModelTest, TheBeginningOfAWordDoesNotDependOnItsEnd) {
  std::mt19937 random(2);
  size_t certain = 0;
  for (int round = 0; round < 200; ++round) {
    const std::string_view letters = round % 3 == 0 ? "a" : round % 3 == 1 ? "ab" : "abcd";
    const BpeModel model = Make(RandomModel(random, letters, letters.size() == 1 ? 6 : 20));
    const std::string word = RandomWord(random, letters, 300);
    for (int k = 0; k < 20; ++k) {
      const size_t length = 1 + random() % 200;
      std::vector<int32_t> beginning;
      model.EncodeBeginning(word.substr(0, length), beginning);
      certain += beginning.size();
      for (const std::string& whole : {word, word.substr(0, length), word.substr(0, length + 1),
                                       word.substr(0, length) + std::string(60, 'a')}) {
        std::vector<int32_t> ids;
        model.Encode(whole, ids);
        ASSERT_LE(beginning.size(), ids.size());
        ids.resize(beginning.size());
        ASSERT_EQ(beginning, ids) << whole << " of which " << length;
      }
    }
  }
  EXPECT_GT(certain, 10000U);
}

TEST(BpeModelTest, NearlyAllOfALongBeginningIsCertain) {
  const BpeModel model = Make(WithMerges({{"a", "a"}, {"aa", "aa"}, {"aaaa", "aaaa"}}));
  std::vector<int32_t> ids;
  model.EncodeBeginning(std::string(800, 'a'), ids);
  EXPECT_GE(ids.size(), 95U);
}

TEST(BpeModelTest, NothingIsCertainOfAShortBeginningOrWithUnknownBytes) {
  std::vector<int32_t> ids;
  Make(WithMerges({{"a", "b"}})).EncodeBeginning("ab", ids);
  EXPECT_THAT(ids, IsEmpty());
  BpeModel::Options options;
  options.vocabulary = {"a"};
  Make(options).EncodeBeginning("aaaa", ids);
  EXPECT_THAT(ids, IsEmpty());
}

TEST(BpeModelTest, RefusesPartsThatDoNotFit) {
  EXPECT_EQ(Error({}), "m: the vocabulary is empty");
  EXPECT_EQ(Error({.vocabulary = {"a", ""}}), "m: the token of id 1 is empty");
  EXPECT_EQ(Error({.vocabulary = {"a", "\xC3"}}), "m: the token of id 1 is not valid UTF-8");
  EXPECT_EQ(Error({.vocabulary = {"a", "b", "a"}}), "m: the token \"a\" has two ids, 0 and 2");
  EXPECT_EQ(Error({.vocabulary = {"a", "b"}, .merges = {{"a", "b"}}}),
            "m: the vocabulary lacks \"ab\" of merge 0, \"a b\"");
  EXPECT_EQ(Error({.vocabulary = {"a", "ab"}, .merges = {{"a", "b"}}}),
            "m: the vocabulary lacks \"b\" of merge 0, \"a b\"");
  EXPECT_THAT(Error({.vocabulary = {"a"}, .unknown_token = "<unk>"}),
              StartsWith("m: the vocabulary lacks the unknown token \"<unk>\", and \"\u0100\""));
}

}  // namespace
}  // namespace rerankd
