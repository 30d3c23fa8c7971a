#include "tokenizer/grapheme_breaker.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace rerankd {
namespace {

// The number of characters in each cluster.
std::string Clusters(std::u32string_view text) {
  GraphemeBreaker breaker;
  std::string sizes;
  for (const char32_t c : text) {
    if (breaker.BreaksBefore(c)) {
      sizes += '1';
    } else {
      ++sizes.back();
    }
  }
  return sizes;
}

TEST(GraphemeBreakerTest, MarksBelongToTheCharacterBefore) {
  EXPECT_EQ(Clusters(U"abc"), "111");
  EXPECT_EQ(Clusters(U"e\u0301\u0323x"), "31");
  EXPECT_EQ(Clusters(U"\u0301a"), "11");
  EXPECT_EQ(Clusters(U"\u0E01\u0E33"), "2");        // a spacing mark
  EXPECT_EQ(Clusters(U"a\u200D\u200Cb"), "31");     // joiners
  EXPECT_EQ(Clusters(U"\u0600a\u0600"), "21");      // a sign that stands before
  EXPECT_EQ(Clusters(U"a\U00016E20\u0897"), "12");  // a mark of Unicode 16
}

TEST(GraphemeBreakerTest, LineBreaksAndControlsStandAlone) {
  EXPECT_EQ(Clusters(U"\r\n\n\r"), "211");
  EXPECT_EQ(Clusters(std::u32string_view(U"a\0\u0301", 3)), "111");
  EXPECT_EQ(Clusters(U"\u200B\u0301"), "11");
  EXPECT_EQ(Clusters(U"\u0600\n"), "11");
}

TEST(GraphemeBreakerTest, HangulSyllables) {
  EXPECT_EQ(Clusters(U"\u1100\u1161\u11A8"), "3");
  EXPECT_EQ(Clusters(U"\uAC00\u11A8\u11A8\u1161"), "31");
  EXPECT_EQ(Clusters(U"\uAC01\u1161"), "11");
  EXPECT_EQ(Clusters(U"\u1100\u1100\uAC00"), "3");
}

TEST(GraphemeBreakerTest, FlagsAreTwoRegionalIndicators) {
  EXPECT_EQ(Clusters(U"\U0001F1E9\U0001F1EA\U0001F1EB\U0001F1F7\U0001F1E9"), "221");
  EXPECT_EQ(Clusters(U"\U0001F1E9a\U0001F1EA\U0001F1EB"), "112");
}

TEST(GraphemeBreakerTest, JoinedEmojiAreOneCluster) {
  EXPECT_EQ(Clusters(U"\U0001F468\u200D\U0001F469\u200D\U0001F467"), "5");
  EXPECT_EQ(Clusters(U"\U0001F468\U0001F3FD\u200D\u2642\uFE0F"), "5");
  EXPECT_EQ(Clusters(U"a\u200D\u2642"), "21");
  EXPECT_EQ(Clusters(U"\u2642\u200D\u200D\u2642"), "31");
  EXPECT_EQ(Clusters(U"\u2642\u200D\u2605"), "21");  // a star is no pictograph since Unicode 17
}

TEST(GraphemeBreakerTest, LinkedConsonantsAreOneCluster) {
  EXPECT_EQ(Clusters(U"\u0915\u094D\u0937"), "3");
  EXPECT_EQ(Clusters(U"\u0915\u093C\u094D\u200D\u0937"), "5");
  EXPECT_EQ(Clusters(U"\u0915\u200D\u0937"), "21");
  EXPECT_EQ(Clusters(U"\u0915\u094D\u200C\u0937"), "31");
  EXPECT_EQ(Clusters(U"a\u094D\u0937"), "21");
  EXPECT_EQ(Clusters(U"\u1000\u1039\u1001"), "3");  // Burmese, since Unicode 16
}

}  // namespace
}  // namespace rerankd
