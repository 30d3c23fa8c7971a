#include "tokenizer/unigram_tokenizer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace rerankd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Metaspace = UnigramTokenizer::Metaspace;

UnigramTokenizer::Options SmallModel() {
  return {.pieces = {{"<unk>", 0},
                     {"a", -1},
                     {"b", -1.5},
                     {"ab", -2},
                     {"abc", -3},
                     {"c", -2.5},
                     {"\u2581", -1},
                     {"\u2581a", -1.2},
                     {"<unk><unk>", -5}}};
}

std::unique_ptr<UnigramTokenizer> Make(UnigramTokenizer::Options options) {
  absl::StatusOr<std::unique_ptr<UnigramTokenizer>> tokenizer =
      UnigramTokenizer::Create(std::move(options), "f");
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return tokenizer.ok() ? *std::move(tokenizer) : nullptr;
}

std::vector<int32_t> Ids(const UnigramTokenizer& tokenizer, std::string_view text) {
  return tokenizer.Tokenize(text, std::numeric_limits<size_t>::max()).ids;
}

// The ids of the following tests are those of `tokenizers` 0.23.

TEST(UnigramTokenizerTest, CutsTheMostProbableWay) {
  const auto tokenizer = Make(SmallModel());
  EXPECT_THAT(Ids(*tokenizer, "abc"), ElementsAre(4));
  EXPECT_THAT(Ids(*tokenizer, "abcab"), ElementsAre(4, 3));
  EXPECT_THAT(Ids(*tokenizer, "cab"), ElementsAre(5, 3));
  EXPECT_THAT(Ids(*tokenizer, "aab"), ElementsAre(1, 3));
  EXPECT_THAT(Ids(*tokenizer, ""), IsEmpty());
}

TEST(UnigramTokenizerTest, OfEquallyProbableWaysTheFirstFoundWins) {
  const auto pair = Make({.pieces = {{"<unk>", 0}, {"ab", -3}, {"a", -1.5}, {"b", -1.5}}});
  EXPECT_THAT(Ids(*pair, "ab"), ElementsAre(1));
  const auto run = Make({.pieces = {{"<unk>", 0}, {"a", -1}, {"aa", -2}}});
  EXPECT_THAT(Ids(*run, "aaaa"), ElementsAre(2, 2));
  EXPECT_THAT(Ids(*run, "aaaaa"), ElementsAre(1, 2, 2));
}

TEST(UnigramTokenizerTest, UnknownCharactersInARowAreOneToken) {
  const auto tokenizer = Make(SmallModel());
  EXPECT_THAT(Ids(*tokenizer, "xay"), ElementsAre(0, 1, 0));
  EXPECT_THAT(Ids(*tokenizer, "xyz"), ElementsAre(0));
  EXPECT_THAT(Ids(*tokenizer, "<unk>"), ElementsAre(0));
  EXPECT_THAT(Ids(*tokenizer, "x<unk>"), ElementsAre(0));
  EXPECT_THAT(Ids(*tokenizer, "a<unk><unk>b"), ElementsAre(1, 8, 2));
  EXPECT_THAT(Ids(*tokenizer, std::string(5000, 'x') + "a"), ElementsAre(0, 1));
}

TEST(UnigramTokenizerTest, ByteFallbackNeedsAllBytesOfARun) {
  UnigramTokenizer::Options options = SmallModel();
  options.byte_fallback = true;
  options.pieces.insert(options.pieces.end(), {{"<0x78>", -9}, {"<0xC3>", -9}, {"<0xA9>", -9}});
  const auto tokenizer = Make(std::move(options));
  EXPECT_THAT(Ids(*tokenizer, "axb"), ElementsAre(1, 9, 2));
  EXPECT_THAT(Ids(*tokenizer, "x\u00E9"), ElementsAre(9, 10, 11));
  EXPECT_THAT(Ids(*tokenizer, "xy"), ElementsAre(0));
  EXPECT_THAT(Ids(*tokenizer, "y\u00E9a"), ElementsAre(0, 1));
}

TEST(UnigramTokenizerTest, ByteFallbackStopsWhereTheBytesAreEnough) {
  UnigramTokenizer::Options options = SmallModel();
  options.byte_fallback = true;
  const auto first = static_cast<int32_t>(options.pieces.size());
  for (int byte = 0; byte < 256; ++byte) {
    options.pieces.push_back({fmt::format("<0x{:02X}>", byte), -9});
  }
  const auto tokenizer = Make(std::move(options));
  std::string run;
  for (int i = 0; i < 1000; ++i) run += "\u00E9x";
  const TokenizedText whole = tokenizer->Tokenize(run + "a", std::numeric_limits<size_t>::max());
  ASSERT_EQ(whole.ids.size(), run.size() + 1);
  EXPECT_TRUE(whole.complete);
  for (size_t i = 0; i < run.size(); ++i) {
    ASSERT_EQ(whole.ids[i], first + static_cast<uint8_t>(run[i])) << i;
  }
  for (const size_t max_tokens : {0U, 1U, 7U, 999U, 2999U, 3000U}) {
    const TokenizedText part = tokenizer->Tokenize(run + "a", max_tokens);
    EXPECT_FALSE(part.complete) << max_tokens;
    EXPECT_EQ(part.ids,
              std::vector<int32_t>(whole.ids.begin(),
                                   whole.ids.begin() + static_cast<ptrdiff_t>(max_tokens)))
        << max_tokens;
  }
}

TEST(UnigramTokenizerTest, Metaspace) {
  using Prepend = Metaspace::Prepend;
  for (const bool split : {true, false}) {
    const auto with = [split](Prepend prepend) {
      UnigramTokenizer::Options options = SmallModel();
      options.pieces.push_back({"<m>", 0});
      options.metaspace = Metaspace{.prepend = prepend, .split = split};
      options.added_tokens = {{.content = "<m>", .lstrip = true}};
      return Make(std::move(options));
    };
    const auto always = with(Prepend::kAlways);
    EXPECT_THAT(Ids(*always, "a b"), ElementsAre(7, 6, 2));
    EXPECT_THAT(Ids(*always, "a  b"), ElementsAre(7, 6, 6, 2));
    EXPECT_THAT(Ids(*always, " a"), ElementsAre(7));
    EXPECT_THAT(Ids(*always, "a\u2581b"), ElementsAre(7, 6, 2));
    EXPECT_THAT(Ids(*always, "a <m>b"), ElementsAre(7, 9, 6, 2));
    const auto first = with(Prepend::kFirst);
    EXPECT_THAT(Ids(*first, "a <m>b"), ElementsAre(7, 9, 2));
    EXPECT_THAT(Ids(*first, "<m> a"), ElementsAre(9, 7));
    EXPECT_THAT(Ids(*first, "<m>a"), ElementsAre(9, 1));
    const auto never = with(Prepend::kNever);
    EXPECT_THAT(Ids(*never, "a b"), ElementsAre(1, 6, 2));
    EXPECT_THAT(Ids(*never, "a <m>b"), ElementsAre(1, 9, 2));
  }
}

TEST(UnigramTokenizerTest, SplitsAtWhiteSpaceBeforeMetaspace) {
  UnigramTokenizer::Options options = SmallModel();
  options.split_at_white_space = true;
  options.metaspace = Metaspace{};
  const auto tokenizer = Make(std::move(options));
  EXPECT_THAT(Ids(*tokenizer, " a\t\u3000b\u2581 "), ElementsAre(7, 6, 2, 6));
}

// Long words are cut piece by piece, with the same result.
TEST(UnigramTokenizerTest, LongWordsAndEarlyStops) {
  const auto tokenizer = Make(SmallModel());
  std::string text;
  std::vector<int32_t> wanted;
  for (int k = 0; k < 3000; ++k) {
    text += k % 3 == 0 ? "abcabx" : "cabx";
    wanted.insert(wanted.end(), {k % 3 == 0 ? 4 : 5, 3, 0});
  }
  EXPECT_EQ(Ids(*tokenizer, text), wanted);
  for (const size_t max_tokens : {size_t{0}, size_t{1}, size_t{500}, wanted.size()}) {
    const TokenizedText some = tokenizer->Tokenize(text, max_tokens);
    EXPECT_EQ(some.ids, std::vector<int32_t>(wanted.begin(), wanted.begin() + max_tokens));
    EXPECT_EQ(some.complete, max_tokens == wanted.size());
  }
}

TEST(UnigramTokenizerTest, RefusesWhatDoesNotFitTogether) {
  const auto error = [](UnigramTokenizer::Options options) {
    const auto tokenizer = UnigramTokenizer::Create(std::move(options), "f");
    EXPECT_EQ(tokenizer.status().code(), absl::StatusCode::kFailedPrecondition);
    return std::string(tokenizer.status().message());
  };
  EXPECT_EQ(error({}), "f: the vocabulary is empty");
  EXPECT_EQ(error({.pieces = {{"a", 0}}, .unknown_id = 1}),
            "f: the unknown piece's id 1 is not below the vocabulary's 1");
  EXPECT_EQ(error({.pieces = {{"a", 0}, {"b", 0}, {"a", 0}}}),
            "f: the piece \"a\" has two ids, 0 and 2");
  EXPECT_EQ(error({.pieces = {{"a", std::nan("")}}}),
            "f: the score of \"a\" is not a finite number");
  EXPECT_EQ(error({.pieces = {{"\xC3", 0}}}), "f: the piece of id 0 is not valid UTF-8");
  EXPECT_THAT(error({.pieces = {{"a", 0}}, .frame = {.prefix = {3}}}), HasSubstr("id 3"));
  EXPECT_THAT(error({.pieces = {{"a", 0}}, .added_tokens = {{.content = ""}}}),
              HasSubstr("is empty"));
}

}  // namespace
}  // namespace rerankd
