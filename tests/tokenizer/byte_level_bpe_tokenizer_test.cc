#include "tokenizer/byte_level_bpe_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rerankd {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The Ġ of ByteLevel's alphabet stands for a space, Ċ for a line break.
const std::vector<std::string> kVocabulary = {"<s>", "</s>", "a",  "b",  "c",  "Ġ", "Ċ", "Ã",
                                              "©",   "ab",   "aa", "Ġa", "ĠĠ", "'", "s", "Ã©"};
enum Id : int32_t {
  kBegin,
  kEnd,
  kA,
  kB,
  kC,
  kSpace,
  kBreak,
  kC3,
  kA9,
  kAb,
  kAa,
  kSpaceA,
  kSpaces,
  kQuote,
  kS,
  kEAcute,
  kMask
};

ByteLevelBpeTokenizer::Options Options() {
  ByteLevelBpeTokenizer::Options options;
  options.model.vocabulary = kVocabulary;
  options.model.merges = {{"a", "b"}, {"a", "a"}, {"Ġ", "a"}, {"Ġ", "Ġ"}, {"Ã", "©"}};
  options.frame = {.prefix = {kBegin}, .suffix = {kEnd}};
  options.model_max_length = 99;
  return options;
}

std::unique_ptr<Tokenizer> Make(ByteLevelBpeTokenizer::Options options) {
  auto tokenizer = ByteLevelBpeTokenizer::Create(std::move(options), "m");
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return *std::move(tokenizer);
}

std::vector<int32_t> Ids(const Tokenizer& tokenizer, std::string_view text) {
  const TokenizedText all = tokenizer.Tokenize(text);
  EXPECT_TRUE(all.complete);
  // What it yields does not depend on how early it stops.
  for (size_t count = 0; count <= all.ids.size(); ++count) {
    const TokenizedText some = tokenizer.Tokenize(text, count);
    EXPECT_TRUE(std::equal(some.ids.begin(), some.ids.end(), all.ids.begin()));
    EXPECT_EQ(some.ids.size(), count);
    EXPECT_EQ(some.complete, count == all.ids.size());
  }
  return all.ids;
}

TEST(ByteLevelBpeTokenizerTest, WordsAreEncodedByThemselves) {
  const auto tokenizer = Make(Options());
  EXPECT_THAT(Ids(*tokenizer, ""), IsEmpty());
  EXPECT_THAT(Ids(*tokenizer, "ab a  ab\né's"),
              ElementsAre(kAb, kSpaceA, kSpace, kSpace, kAb, kBreak, kEAcute, kQuote, kS));
  EXPECT_THAT(tokenizer->frame().prefix, ElementsAre(kBegin));
  EXPECT_EQ(tokenizer->model_max_length(), 99U);
  EXPECT_EQ(tokenizer->id_bound(), kVocabulary.size());
}

TEST(ByteLevelBpeTokenizerTest, WithoutAPatternWordsRunTogether) {
  ByteLevelBpeTokenizer::Options options = Options();
  options.pattern = SplitPattern::kNone;
  EXPECT_THAT(Ids(*Make(options), "a  ab"), ElementsAre(kA, kSpaces, kAb));
}

TEST(ByteLevelBpeTokenizerTest, EveryPieceGetsASpaceInFront) {
  ByteLevelBpeTokenizer::Options options = Options();
  options.add_prefix_space = true;
  options.added_tokens = {{.content = "</s>"}, {.content = "c", .normalized = true}};
  const auto tokenizer = Make(options);
  EXPECT_THAT(Ids(*tokenizer, ""), IsEmpty());
  EXPECT_THAT(Ids(*tokenizer, "a"), ElementsAre(kSpaceA));
  EXPECT_THAT(Ids(*tokenizer, " a"), ElementsAre(kSpaceA));
  EXPECT_THAT(Ids(*tokenizer, "a</s>acb</s></s>"),
              ElementsAre(kSpaceA, kEnd, kSpaceA, kC, kSpace, kB, kEnd, kEnd));
}

TEST(ByteLevelBpeTokenizerTest, ATokenThatTakesWhiteSpace) {
  ByteLevelBpeTokenizer::Options options = Options();
  options.added_tokens = {{.content = "<mask>", .stated_id = kMask, .lstrip = true}};
  const auto tokenizer = Make(options);
  EXPECT_EQ(tokenizer->id_bound(), static_cast<size_t>(kMask) + 1);
  EXPECT_THAT(Ids(*tokenizer, "a \n <mask> a"), ElementsAre(kA, kMask, kSpaceA));
  EXPECT_THAT(Ids(*tokenizer, "a \n <mas"), ElementsAre(kA, kSpace, kBreak, kSpace, kA, kS));
  // However the text is cut into parts inside.
  for (size_t spaces = 2030; spaces < 2060; ++spaces) {
    EXPECT_EQ(tokenizer->Tokenize(std::string(spaces, ' ') + "<mask>a").ids,
              (std::vector<int32_t>{kMask, kA}));
  }
}

TEST(ByteLevelBpeTokenizerTest, NormalizesBeforeNormalizedTokensAreLookedFor) {
  ByteLevelBpeTokenizer::Options options = Options();
  options.nfc = true;
  EXPECT_THAT(Ids(*Make(options), "e\u0301a"), ElementsAre(kEAcute, kA));
  options.added_tokens = {{.content = "\u00E9a", .normalized = true}};
  EXPECT_THAT(Ids(*Make(options), "e\u0301ae\u0301"), ElementsAre(kMask, kEAcute));
  options.added_tokens[0].normalized = false;
  EXPECT_THAT(Ids(*Make(options), "e\u0301a\u00E9a"), ElementsAre(kEAcute, kA, kMask));
}

// The whole alphabet, so that the beginning of a long word can be told.
ByteLevelBpeTokenizer::Options WholeAlphabet() {
  ByteLevelBpeTokenizer::Options options;
  for (char32_t c = 0; c < 0x144; ++c) {
    if (c < '!' || (c > '~' && c < 0xA1) || c == 0xAD) continue;
    options.model.vocabulary.push_back(
        c < 0x80
            ? std::string(1, static_cast<char>(c))
            : std::string{static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))});
  }
  EXPECT_EQ(options.model.vocabulary.size(), 256U);
  for (const char* token : {"xx", "xxxx", "xy", "ĠĠ"}) options.model.vocabulary.emplace_back(token);
  options.model.merges = {{"x", "x"}, {"xx", "xx"}, {"x", "y"}, {"Ġ", "Ġ"}};
  return options;
}

TEST(ByteLevelBpeTokenizerTest, LongWordsStopEarly) {
  for (const SplitPattern pattern : {SplitPattern::kNone, SplitPattern::kGpt2}) {
    ByteLevelBpeTokenizer::Options options = WholeAlphabet();
    options.pattern = pattern;
    const auto tokenizer = Make(options);
    for (const std::string& text :
         {std::string(100'001, 'x'), std::string(100'001, ' '), std::string(99'999, 'x') + " y",
          std::string(9'000, 'x') + std::string(9'000, ' ') + std::string(9'000, 'y')}) {
      const TokenizedText all = tokenizer->Tokenize(text);
      EXPECT_TRUE(all.complete);
      const size_t count = all.ids.size();
      for (const size_t max_tokens : {size_t{0}, size_t{1}, size_t{511}, size_t{512}, size_t{2300},
                                      count - 2, count - 1, count, count + 1}) {
        const TokenizedText some = tokenizer->Tokenize(text, max_tokens);
        ASSERT_EQ(some.ids, std::vector<int32_t>(all.ids.begin(),
                                                 all.ids.begin() + std::min(max_tokens, count)));
        ASSERT_EQ(some.complete, max_tokens >= count);
      }
    }
  }
}

TEST(ByteLevelBpeTokenizerTest, RefusesPartsThatDoNotFit) {
  const auto error = [](ByteLevelBpeTokenizer::Options options) {
    const auto tokenizer = ByteLevelBpeTokenizer::Create(std::move(options), "m");
    EXPECT_EQ(tokenizer.status().code(), absl::StatusCode::kFailedPrecondition);
    return std::string(tokenizer.status().message());
  };
  ByteLevelBpeTokenizer::Options options = Options();
  options.model.vocabulary.clear();
  EXPECT_EQ(error(options), "m: the vocabulary is empty");
  options = Options();
  options.added_tokens = {{.content = "c", .stated_id = 77}};
  EXPECT_EQ(
      error(options),
      "m: the added token \"c\" should have the id 4 by the vocabulary and its place, not 77");
  options = Options();
  options.frame.suffix = {16};
  EXPECT_EQ(error(options), "m: the post-processor's id 16 is not below the vocabulary's 16");
}

}  // namespace
}  // namespace rerankd
