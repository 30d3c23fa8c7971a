#include "tokenizer/wordpiece_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rerankd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int32_t kUnknown = 0;

// Ids: [UNK] 0, un 1, ##aff 2, ##able 3, a 4, b 5, , 6, 中 7, ##b 8, [SEP] 9, unaffable 10.
WordPieceTokenizer::Options SmallOptions() {
  return {.vocabulary = {"[UNK]", "un", "##aff", "##able", "a", "b", ",", "中", "##b", "[SEP]",
                         "unaffable"}};
}

std::unique_ptr<WordPieceTokenizer> Make(WordPieceTokenizer::Options options) {
  absl::StatusOr<std::unique_ptr<WordPieceTokenizer>> tokenizer =
      WordPieceTokenizer::Create(std::move(options), "test");
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return *std::move(tokenizer);
}

std::vector<int32_t> Ids(const WordPieceTokenizer::Options& options, std::string_view text) {
  return Make(options)->Tokenize(text, std::numeric_limits<size_t>::max()).ids;
}
std::vector<int32_t> Ids(std::string_view text) { return Ids(SmallOptions(), text); }

WordPieceTokenizer::Options WithTokens(std::vector<AddedToken> tokens) {
  WordPieceTokenizer::Options options = SmallOptions();
  options.added_tokens = std::move(tokens);
  return options;
}

std::string Error(WordPieceTokenizer::Options options) {
  const auto tokenizer = WordPieceTokenizer::Create(std::move(options), "vocab.txt");
  EXPECT_EQ(tokenizer.status().code(), absl::StatusCode::kFailedPrecondition);
  return std::string(tokenizer.status().message());
}

TEST(WordPieceTokenizerTest, TakesTheLongestPieceFirst) {
  EXPECT_THAT(Ids("unaffable"), ElementsAre(10));
  EXPECT_THAT(Ids("unaffaff"), ElementsAre(1, 2, 2));
  EXPECT_THAT(Ids("unb unable"), ElementsAre(1, 8, 1, 3));
}

TEST(WordPieceTokenizerTest, WordWithAnUnmatchedPieceIsOneUnknown) {
  EXPECT_THAT(Ids("unaffx a"), ElementsAre(kUnknown, 4));
  EXPECT_THAT(Ids("aff"), ElementsAre(kUnknown));  // "##aff" does not begin a word
}

TEST(WordPieceTokenizerTest, EmptyAndInvisibleTextsHaveNoTokens) {
  EXPECT_THAT(Ids(""), IsEmpty());
  EXPECT_THAT(Ids(" \t\r\n\u00A0\u3000"), IsEmpty());
  EXPECT_THAT(Ids(std::string_view("\0\u200B\uFEFF\u0301", 9)), IsEmpty());
}

TEST(WordPieceTokenizerTest, PunctuationAndChineseStandAlone) {
  EXPECT_THAT(Ids("a,b"), ElementsAre(4, 6, 5));
  EXPECT_THAT(Ids("un中b"), ElementsAre(1, 7, 5));
  EXPECT_THAT(Ids("a…b"), ElementsAre(4, kUnknown, 5));
  // ASCII symbols that Unicode does not call punctuation.
  EXPECT_THAT(Ids("a$b^a"), ElementsAre(4, kUnknown, 5, kUnknown, 4));
  // Symbols beyond ASCII are letters here.
  EXPECT_THAT(Ids("a€b"), ElementsAre(kUnknown));
}

TEST(WordPieceTokenizerTest, WordOfMoreThanMaxCharsIsOneUnknown) {
  WordPieceTokenizer::Options options = SmallOptions();
  options.max_word_chars = 5;
  EXPECT_THAT(Ids(options, "abbbb"), ElementsAre(4, 8, 8, 8, 8));
  EXPECT_THAT(Ids(options, "abbbbb a"), ElementsAre(kUnknown, 4));
  // Characters count, not bytes, and after normalization.
  EXPECT_THAT(Ids(options, "ábbb\u0301b\u200B"), ElementsAre(4, 8, 8, 8, 8));
  options.max_word_chars = 0;
  EXPECT_THAT(Ids(options, "a,"), ElementsAre(kUnknown, kUnknown));
}

TEST(WordPieceTokenizerTest, WordThatSpansManyPartsStaysOneWord) {
  const std::string word = "a" + std::string(100'000, 'b');
  WordPieceTokenizer::Options options = SmallOptions();
  EXPECT_THAT(Ids(options, word + " a"), ElementsAre(kUnknown, 4));
  options.max_word_chars = 1'000'000;
  std::vector<int32_t> wanted(100'001, 8);
  wanted[0] = 4;
  EXPECT_EQ(Ids(options, word), wanted);
}

TEST(WordPieceTokenizerTest, WhereAPartEndsDoesNotShow) {
  for (size_t padding = 2030; padding < 2060; ++padding) {
    EXPECT_THAT(Ids(std::string(padding, ' ') + "unaffable 中b"), ElementsAre(10, 7, 5)) << padding;
  }
}

TEST(WordPieceTokenizerTest, CompleteSaysWhetherThereIsMore) {
  const auto tokenizer = Make(SmallOptions());
  const std::string_view text = "a unaffaff,   ";  // 4 1 2 2 6
  for (size_t max_tokens = 0; max_tokens < 7; ++max_tokens) {
    const TokenizedText some = tokenizer->Tokenize(text, max_tokens);
    EXPECT_EQ(some.ids.size(), std::min<size_t>(max_tokens, 5));
    EXPECT_EQ(some.complete, max_tokens >= 5) << max_tokens;
  }
  EXPECT_TRUE(tokenizer->Tokenize(" ", 0).complete);
  EXPECT_FALSE(tokenizer->Tokenize("x", 0).complete);
}

// The end of the text lies on pages that may not be read: looking there would be the end of us.
TEST(WordPieceTokenizerTest, LooksNoFurtherThanItsTokens) {
  constexpr size_t kReadable = size_t{64} << 10;
  constexpr size_t kSize = size_t{16} << 20;
  void* const pages =
      mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  auto* const bytes = static_cast<char*>(pages);
  for (const std::string_view word : {"a ", "unaffable,", "中", "ab\u0301\u302E "}) {
    ASSERT_EQ(mprotect(pages, kSize, PROT_READ | PROT_WRITE), 0);
    for (size_t i = 0; i + word.size() <= kReadable; i += word.size()) {
      std::memcpy(bytes + i, word.data(), word.size());
    }
    ASSERT_EQ(mprotect(bytes + kReadable, kSize - kReadable, PROT_NONE), 0);
    for (const auto& added :
         {std::vector<AddedToken>{{.content = "[SEP]"}},
          std::vector<AddedToken>{{.content = "[SEP]", .normalized = true},
                                  {.content = "xyz", .single_word = true, .normalized = true}}}) {
      const TokenizedText some =
          Make(WithTokens(added))->Tokenize(std::string_view(bytes, kSize), 512);
      EXPECT_EQ(some.ids.size(), 512U);
      EXPECT_FALSE(some.complete);
    }
  }
  EXPECT_EQ(munmap(pages, kSize), 0);
}

TEST(WordPieceTokenizerTest, AddedTokenIsFoundBeforeNormalization) {
  const WordPieceTokenizer::Options options = WithTokens({{.content = "[SEP]"}});
  EXPECT_THAT(Ids(options, "a[SEP]b"), ElementsAre(4, 9, 5));
  EXPECT_THAT(Ids(options, "[SEP][SEP]"), ElementsAre(9, 9));
  EXPECT_THAT(Ids(options, "[sep]"), ElementsAre(kUnknown, kUnknown, kUnknown));
  EXPECT_THAT(Ids(options, "[SE\u0301P]"), ElementsAre(kUnknown, kUnknown, kUnknown));
}

TEST(WordPieceTokenizerTest, NormalizedAddedTokenIsFoundAfterNormalization) {
  const WordPieceTokenizer::Options options =
      WithTokens({{.content = "Caf\u00E9", .normalized = true}});
  EXPECT_THAT(Ids(options, "a CAFE b"), ElementsAre(4, 11, 5));
  EXPECT_THAT(Ids(options, "ac\u200Bafe\u0301b"), ElementsAre(4, 11, 5));  // inside a word, too
  EXPECT_EQ(Make(options)->id_bound(), 12U);
}

TEST(WordPieceTokenizerTest, WordEndsAtAnAddedToken) {
  // "b" after the token begins a word.
  EXPECT_THAT(Ids(WithTokens({{.content = "[SEP]"}}), "a[SEP]b"), ElementsAre(4, 9, 5));
  EXPECT_THAT(Ids(WithTokens({{.content = "able", .normalized = true}}), "unableb"),
              ElementsAre(1, 11, 5));
}

TEST(WordPieceTokenizerTest, NormalizedAddedTokenIsFoundWhereverAPartEnds) {
  const auto tokenizer =
      Make(WithTokens({{.content = "longer token", .normalized = true},
                       {.content = "xy", .single_word = true, .normalized = true}}));
  for (size_t padding = 2025; padding < 2065; ++padding) {
    const std::string text = std::string(padding, '\t') + "aLONGER TOKENa xy axy xya";
    EXPECT_THAT(tokenizer->Tokenize(text, 100).ids, ElementsAre(4, 11, 4, 12, kUnknown, kUnknown))
        << padding;
  }
}

// A Chinese token normalizes to itself with spaces, which every occurrence in a text has as well.
TEST(WordPieceTokenizerTest, NormalizedChineseAddedToken) {
  EXPECT_THAT(Ids(WithTokens({{.content = "中国", .normalized = true}}), "a中国b 中 国"),
              ElementsAre(4, 11, 5, 7, kUnknown));
}

TEST(WordPieceTokenizerTest, ContinuingPrefixMayBeEmpty) {
  EXPECT_THAT(Ids({.vocabulary = {"[UNK]", "a", "b", "ab"}, .continuing_prefix = ""}, "aba bb"),
              ElementsAre(3, 1, 2, 2));
}

TEST(WordPieceTokenizerTest, WordMayBeginWithTheContinuingPrefix) {
  EXPECT_THAT(Ids({.vocabulary = {"[UNK]", "zza", "z"}, .continuing_prefix = "zz"}, "zza za"),
              ElementsAre(1, 2, 1));
}

TEST(WordPieceTokenizerTest, RefusesWhatDoesNotFitTogether) {
  EXPECT_EQ(Error({}), "vocab.txt: the vocabulary is empty");
  EXPECT_EQ(Error({.vocabulary = {"a"}}),
            "vocab.txt: the vocabulary lacks the unknown token \"[UNK]\"");
  EXPECT_EQ(Error({.vocabulary = {"[UNK]", "a", "a"}}),
            "vocab.txt: the token \"a\" has two ids, 1 and 2");
  EXPECT_EQ(Error({.vocabulary = {"[UNK]", "a\xFF"}}),
            "vocab.txt: the token of id 1 is not valid UTF-8");
  WordPieceTokenizer::Options options = SmallOptions();
  options.frame.suffix = {11};
  EXPECT_EQ(Error(options),
            "vocab.txt: the post-processor's id 11 is not below the vocabulary's 11");
}

TEST(WordPieceTokenizerTest, RefusesAddedTokensWithoutOneMeaning) {
  EXPECT_THAT(Error(WithTokens({{.content = ""}})), HasSubstr("is empty"));
  EXPECT_THAT(Error(WithTokens({{.content = "x"}, {.content = "x"}})),
              HasSubstr("is listed twice"));
  EXPECT_THAT(Error(WithTokens({{.content = "x", .stated_id = 12}})),
              HasSubstr("should have the id 11 by the vocabulary and its place, not 12"));
  EXPECT_THAT(Error(WithTokens({{.content = "[SEP]", .stated_id = 11}})), HasSubstr("the id 9"));
  EXPECT_THAT(
      Error(WithTokens({{.content = " x", .lstrip = true}, {.content = "y", .rstrip = true}})),
      HasSubstr("begins with white space"));
  EXPECT_THAT(Error(WithTokens({{.content = "\u0301", .normalized = true}})),
              HasSubstr("empty once it is normalized"));
  EXPECT_THAT(Error(WithTokens({{.content = "Abc", .normalized = true},
                                {.content = "abc", .normalized = true}})),
              HasSubstr("the same as another one"));
}

}  // namespace
}  // namespace rerankd
