#include "tokenizer/added_tokens.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace rerankd {
namespace {

// "<begin>-<end>:<id> …" of all matches, searching in steps of `step` bytes.
std::string AllMatches(const AddedTokenMatcher& matcher, std::string_view text, size_t step) {
  std::string found;
  size_t position = 0;
  while (position < text.size()) {
    const size_t limit = std::min(text.size(), position + step);
    if (const auto match = matcher.FindNext(text, position, limit)) {
      found += std::to_string(match->begin) + "-" + std::to_string(match->end) + ":" +
               std::to_string(match->pattern->id) + " ";
    }
  }
  return found;
}

void ExpectMatches(const AddedTokenMatcher& matcher, std::string_view text,
                   std::string_view wanted) {
  for (const size_t step : {size_t{1}, size_t{3}, text.size()}) {
    EXPECT_EQ(AllMatches(matcher, text, step), wanted) << text << " in steps of " << step;
  }
}

TEST(AddedTokenMatcherTest, FindsTheLeftmostAndThereTheLongest) {
  const AddedTokenMatcher matcher({{"ab", 1}, {"abcd", 2}, {"bcde", 3}, {"e", 4}});
  ExpectMatches(matcher, "abcde", "0-4:2 4-5:4 ");
  ExpectMatches(matcher, "abce", "0-2:1 3-4:4 ");
  ExpectMatches(matcher, "xbcde", "1-5:3 ");
  ExpectMatches(matcher, "zzz", "");
}

TEST(AddedTokenMatcherTest, SingleWordIsNotPartOfAWord) {
  const AddedTokenMatcher matcher({{"ab", 1, /*single_word=*/true}});
  ExpectMatches(matcher, "ab", "0-2:1 ");
  ExpectMatches(matcher, "xab", "");
  ExpectMatches(matcher, "ab_", "");
  ExpectMatches(matcher, "ab7", "");
  ExpectMatches(matcher, "ab\u0301", "");  // a mark belongs to the word
  ExpectMatches(matcher, "éab", "");
  ExpectMatches(matcher, "-ab.", "1-3:1 ");
  ExpectMatches(matcher, "\u20ACab\u20AC", "3-5:1 ");  // a currency sign does not
  ExpectMatches(matcher, "ab\U00010D50", "");          // a letter of Unicode 16
}

// As the automaton of the original: it goes on after the match, discarded or not.
TEST(AddedTokenMatcherTest, DiscardedMatchHidesWhatBeginsInsideIt) {
  const AddedTokenMatcher matcher({{"abc", 1, /*single_word=*/true}, {"bc", 2}});
  ExpectMatches(matcher, "abcd bc", "5-7:2 ");
}

TEST(AddedTokenMatcherTest, WithoutPatternsNothingIsFound) {
  const AddedTokenMatcher matcher;
  size_t position = 2;
  EXPECT_FALSE(matcher.FindNext("abcdef", position, 5).has_value());
  EXPECT_EQ(position, 5U);
}

// The stretches in brackets and the ids between them, the text growing by `step` bytes at a time.
std::string Cuts(const AddedTokenMatcher& matcher, std::string_view text, size_t step) {
  AddedTokenSplitter splitter(matcher);
  std::string cuts;
  std::string stretch;
  for (size_t size = std::min(step, text.size());;) {
    const bool at_end = size == text.size();
    const auto part = splitter.Next(text.substr(0, size), size, at_end);
    stretch += text.substr(part.begin, part.end - part.begin);
    const bool ended = at_end && !part.token.has_value();
    if (!stretch.empty() && (part.token.has_value() || ended)) {
      cuts += "[" + stretch + "]";
      stretch.clear();
    }
    if (part.token.has_value()) cuts += std::to_string(*part.token);
    if (ended) return cuts;
    if (!part.token.has_value()) size = std::min(size + step, text.size());
  }
}

void ExpectCuts(const AddedTokenMatcher& matcher, std::string_view text, std::string_view wanted) {
  for (const size_t step : {size_t{1}, size_t{2}, size_t{5}, text.size()}) {
    EXPECT_EQ(Cuts(matcher, text, step), wanted) << text << " in steps of " << step;
  }
}

TEST(AddedTokenSplitterTest, CutsBetweenTokens) {
  const AddedTokenMatcher matcher({{"<a>", 1}, {"<b>", 2}});
  ExpectCuts(matcher, "x <a> y<b><a>", "[x ]1[ y]21");
  ExpectCuts(matcher, "<a", "[<a]");
  ExpectCuts(AddedTokenMatcher(), " x ", "[ x ]");
}

TEST(AddedTokenSplitterTest, TokensTakeWhiteSpaceBesideThem) {
  const AddedTokenMatcher matcher({{"<l>", 1, false, /*lstrip=*/true, false},
                                   {"<r>", 2, false, false, /*rstrip=*/true},
                                   {"<n>", 3}});
  ExpectCuts(matcher, "x   <l> y", "[x]1[ y]");
  ExpectCuts(matcher, " \t <l>", "1");
  ExpectCuts(matcher, "x <r> \n y ", "[x ]2[y ]");
  ExpectCuts(matcher, "<r>   <l>   <n>   <l>", "21[   ]31");
  ExpectCuts(matcher, "<r>   ", "2");
  ExpectCuts(matcher, "x   ", "[x   ]");
  ExpectCuts(matcher, "x   y   <l", "[x   y   <l]");
}

TEST(AddedTokenSplitterTest, TokenOfWhiteSpaceMayBeginInWhatTheOneBeforeTakes) {
  const AddedTokenMatcher matcher({{"<r>", 1, false, false, /*rstrip=*/true}, {"\n", 2}});
  ExpectCuts(matcher, "<r> \n x", "12[ x]");
  ExpectCuts(matcher, "<r>  x\n", "1[x]2");
}

}  // namespace
}  // namespace rerankd
