#include "tokenizer/split_pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace rerankd {
namespace {

using testing::ElementsAre;

constexpr SplitPattern kPatterns[] = {SplitPattern::kNone, SplitPattern::kGpt2,
                                      SplitPattern::kCl100k, SplitPattern::kSingleDigits};

std::vector<std::string> Words(SplitPattern pattern, std::string_view text) {
  std::vector<std::string> words;
  for (size_t begin = 0; begin < text.size();) {
    const WordEnd word = FindWordEnd(pattern, text, begin, /*at_end=*/true);
    EXPECT_TRUE(word.complete);
    EXPECT_GT(word.end, begin);
    words.emplace_back(text.substr(begin, word.end - begin));
    begin = word.end;
  }
  return words;
}

TEST(SplitPatternTest, Gpt2) {
  const auto words = [](std::string_view text) { return Words(SplitPattern::kGpt2, text); };
  EXPECT_THAT(words("Hello my 2 friends!!"), ElementsAre("Hello", " my", " 2", " friends", "!!"));
  EXPECT_THAT(words("don't we'll 'tis"), ElementsAre("don", "'t", " we", "'ll", " '", "tis"));
  EXPECT_THAT(words("'tis I'M ''s"), ElementsAre("'t", "is", " I", "'", "M", " ''", "s"));
  EXPECT_THAT(words("a  b"), ElementsAre("a", " ", " b"));
  EXPECT_THAT(words("a\n\nb \n"), ElementsAre("a", "\n", "\n", "b", " \n"));
  EXPECT_THAT(words("x1y² ½"), ElementsAre("x", "1", "y", "²", " ½"));
  EXPECT_THAT(words("\u00A0é\u00A0\u3000\u3000x"),
              ElementsAre("\u00A0", "é", "\u00A0\u3000", "\u3000", "x"));
  EXPECT_THAT(words("e\u0301 \u0301"),
              ElementsAre("e", "\u0301", " \u0301"));  // a mark is no letter
}

TEST(SplitPatternTest, Cl100k) {
  const auto words = [](std::string_view text) { return Words(SplitPattern::kCl100k, text); };
  EXPECT_THAT(words("I'M 'ſx it'Re"), ElementsAre("I", "'M", " '", "ſx", " it", "'Re"));
  EXPECT_THAT(words("'ſx"), ElementsAre("'ſ", "x"));
  EXPECT_THAT(words("12345 1"), ElementsAre("123", "45", " ", "1"));
  EXPECT_THAT(words("(a) \tb"), ElementsAre("(a", ")", " ", "\tb"));
  EXPECT_THAT(words("!?\n\n x"), ElementsAre("!?\n\n", " x"));
  EXPECT_THAT(words("a \n \n  b"), ElementsAre("a", " \n \n", " ", " b"));
  EXPECT_THAT(words("\n\na\r\n"), ElementsAre("\n\n", "a", "\r\n"));
  EXPECT_THAT(words(" !\n"), ElementsAre(" !\n"));
  EXPECT_THAT(Words(SplitPattern::kSingleDigits, "a12 3"), ElementsAre("a", "1", "2", " ", "3"));
}

TEST(SplitPatternTest, NoPatternIsOneWord) {
  EXPECT_THAT(Words(SplitPattern::kNone, "a b\n1"), ElementsAre("a b\n1"));
}

TEST(SplitPatternTest, KnowsPatternsByTheirExactText) {
  EXPECT_EQ(SplitPatternOf(
                R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"),
            SplitPattern::kGpt2);
  EXPECT_EQ(SplitPatternOf(R"( ?\p{L}+)"), std::nullopt);
  EXPECT_EQ(SplitPatternOf(""), std::nullopt);
}

// All texts of up to five of these, cut at every place: what is called complete does not change
// with what follows, and what is not reaches at least as far as was said.
TEST(SplitPatternTest, WhatFollowsDoesNotChangeCompleteWords) {
  constexpr std::string_view kParts[] = {" ", "\n", "a", "1", "!", "'", "l", "\u00A0", "ſ"};
  constexpr size_t kCount = std::size(kParts);
  for (size_t number = 0; number < kCount * kCount * kCount * kCount * kCount; ++number) {
    std::string text;
    std::vector<size_t> cuts;
    for (size_t rest = number, k = 0; k < 5; ++k, rest /= kCount) {
      text += kParts[rest % kCount];
      cuts.push_back(text.size());
    }
    for (const SplitPattern pattern : kPatterns) {
      const WordEnd whole = FindWordEnd(pattern, text, 0, /*at_end=*/true);
      for (const size_t cut : cuts) {
        const WordEnd part =
            FindWordEnd(pattern, std::string_view(text).substr(0, cut), 0, /*at_end=*/false);
        if (part.complete) {
          ASSERT_EQ(part.end, whole.end) << testing::PrintToString(text) << " cut at " << cut;
        } else {
          ASSERT_LE(part.end, whole.end) << testing::PrintToString(text) << " cut at " << cut;
        }
      }
    }
  }
}

}  // namespace
}  // namespace rerankd
