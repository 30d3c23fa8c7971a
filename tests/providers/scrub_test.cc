#include "providers/scrub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "util/utf8.h"

namespace rerankd {
namespace {

std::string Clean(std::string_view text, const RerankRequest& request = {},
                  const std::string& key = "", size_t max_bytes = 512) {
  return Scrub(text, Secret(key), request, max_bytes);
}

TEST(ScrubTest, LeavesOrdinaryMessagesAlone) {
  EXPECT_EQ(Clean("model 'x' not found", {.query = "What is a model?", .documents = {"A thing."}},
                  "sk-0123456789"),
            "model 'x' not found");
  EXPECT_EQ(Clean(""), "");
}

TEST(ScrubTest, RemovesTheKeyAndItsPieces) {
  const std::string key = "sk-abcdefghijklmnop";
  EXPECT_EQ(Clean("bad key sk-abcdefghijklmnop!", {}, key), "bad key [...]!");
  EXPECT_EQ(Clean("bad key sk-abcde***", {}, key), "bad key [...]***");
  EXPECT_EQ(Clean("bad key ***ijklmnop", {}, key), "bad key ***[...]");
  EXPECT_EQ(Clean("bad key abc", {}, "abc"), "bad key [...]");
}

TEST(ScrubTest, RemovesPiecesOfTheTexts) {
  const std::string document = "The quick brown fox jumps over the lazy dog.";
  EXPECT_EQ(Clean("document \"The quick brown fox jumps...\" is too long",
                  {.query = "q", .documents = {"x", document}}),
            "document \"[...]...\" is too long");
  EXPECT_EQ(
      Clean("'brown fox jumps over the lazy' and 'quick brown fox jumps'", {.query = document}),
      "'[...]' and '[...]'");
}

TEST(ScrubTest, AShortTextIsRemovedWhereItStandsByItself) {
  EXPECT_EQ(Clean("no result for tax in taxonomy, (tax)", {.query = "tax"}),
            "no result for [...] in taxonomy, ([...])");
  EXPECT_EQ(Clean("is not a number", {.query = "a"}), "is not a number");
}

TEST(ScrubTest, IsAlwaysOneLineOfShortUtf8) {
  EXPECT_EQ(Clean("a\nb\x1b[31m\xFF"), "a\\nb\\x1b[31m?");
  for (size_t size = 0; size < 12; ++size) {
    const std::string cut = Clean("äöüßäöüß", {}, "", size);
    EXPECT_LE(cut.size(), std::max<size_t>(size, 3)) << size;
    EXPECT_FALSE(FindInvalidUtf8(cut).has_value());
  }
  // A piece that is removed may end within a character.
  const std::string text = "…………………………";
  EXPECT_FALSE(FindInvalidUtf8(Clean("x" + text.substr(1), {.query = text})).has_value());
}

TEST(ScrubTest, LongMessagesAreCutBeforeTheyAreCompared) {
  const std::string text(1 << 20, 'x');
  EXPECT_LE(Clean(text, {.query = "q", .documents = {text}}).size(), 512U);
}

}  // namespace
}  // namespace rerankd
