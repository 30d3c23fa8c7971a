#include "tokenizer/bert_normalizer.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace rerankd {
namespace {

constexpr BertNormalizer::Options kNothing = {
    .clean_text = false, .handle_chinese_chars = false, .strip_accents = false, .lowercase = false};

std::string Uncased(std::string_view text) { return BertNormalizer({}).Normalize(text); }

BertNormalizer::Options Only(bool BertNormalizer::Options::* step) {
  BertNormalizer::Options options = kNothing;
  options.*step = true;
  return options;
}

TEST(BertNormalizerTest, DoesNothingWhenNothingIsAskedFor) {
  const std::string text("A\0\tÉ中\u00A0\uFFFD\u200B", 16);
  EXPECT_EQ(BertNormalizer(kNothing).Normalize(text), text);
}

TEST(BertNormalizerTest, CleaningRemovesControlsAndMakesWhiteSpaceASpace) {
  const BertNormalizer normalizer(Only(&BertNormalizer::Options::clean_text));
  EXPECT_EQ(normalizer.Normalize(std::string_view("a\0b\1c\177d\uFFFD\u200B\uE000", 16)), "abcd");
  EXPECT_EQ(normalizer.Normalize("a\tb\nc\rd\u00A0e\u2028f\u3000g"), "a b c d e f g");
}

// White space by Unicode, but removed as control characters, before anybody asks.
TEST(BertNormalizerTest, CleaningRemovesVerticalTabFormFeedAndNextLine) {
  EXPECT_EQ(Uncased("a\vb\fc\u0085d"), "abcd");
}

// Unassigned when the tables were made, so not known to be a format character.
TEST(BertNormalizerTest, CleaningKeepsFormatCharactersNewerThanUnicode8) {
  EXPECT_EQ(Uncased("a\u08E2b\U000110CD"), "a\u08E2b\U000110CD");
  EXPECT_EQ(Uncased("a\u06DDb\U000110BD"), "ab");
}

TEST(BertNormalizerTest, ChineseCharactersGetSpaces) {
  EXPECT_EQ(Uncased("a中国b"), "a 中  国 b");
  EXPECT_EQ(Uncased("\uF900"), " \u8C48 ");              // a compatibility ideograph, decomposed
  EXPECT_EQ(Uncased("かな\uAC00"), "かな\u1100\u1161");  // kana and Hangul are letters
  EXPECT_EQ(Uncased("\U0002B820"), "\U0002B820");  // extension E, of which BERT took a part only
  EXPECT_EQ(Uncased("\U0002B920"), " \U0002B920 ");
}

TEST(BertNormalizerTest, AccentsGoAndLettersGetSmall) {
  EXPECT_EQ(Uncased("Éléphant A\u0301 ÅNGSTRÖM \u212B"), "elephant a angstrom a");
  EXPECT_EQ(Uncased("ΑΣ"), "ασ");  // no final sigma
  EXPECT_EQ(Uncased("\u226E"), "<");
}

TEST(BertNormalizerTest, CapitalIWithDotIsTheOnlyLetterThatBecomesTwo) {
  EXPECT_EQ(BertNormalizer(Only(&BertNormalizer::Options::lowercase)).Normalize("İ"), "i\u0307");
  EXPECT_EQ(Uncased("İ"), "i");
}

TEST(BertNormalizerTest, LowercaseKnowsThePairsOfUnicode17) {
  EXPECT_EQ(Uncased("\uA7DC\U00010D50\U00016EA0"), "\u019B\U00010D70\U00016EBB");
}

// A mark without decomposition is kept with its letter when only lower-casing is asked for.
TEST(BertNormalizerTest, WithoutStrippingNothingIsDecomposed) {
  BertNormalizer::Options options;
  options.strip_accents = false;
  EXPECT_EQ(BertNormalizer(options).Normalize("É E\u0301 \uAC00"), "é e\u0301 \uAC00");
}

// Spacing marks and marks newer than Unicode 8 are kept, in canonical order.
TEST(BertNormalizerTest, KeptMarksAreOrderedByCombiningClass) {
  EXPECT_EQ(Uncased("a\U0001D16D\u302Eb"), "a\u302E\U0001D16Db");
  EXPECT_EQ(Uncased("a\U0001D16D\u0301\u0001\u302Eb"), "a\u302E\U0001D16Db");
  EXPECT_EQ(Uncased("\u1885\u1734\u111C9"), "\u1885\u111C9");
}

// A mark of class 0 holds others in place before it is removed itself.
TEST(BertNormalizerTest, RemovedMarkOfClassZeroStopsOrdering) {
  EXPECT_EQ(Uncased("a\U0001D16D\u0E47\u302Eb"), "a\U0001D16D\u302Eb");
  EXPECT_EQ(Uncased("a\U0001D16D\u0E48\u302Eb"), "a\u302E\U0001D16Db");
}

// Class 9 since Unicode 14, but 0 by the tables: it stays where it is.
TEST(BertNormalizerTest, MarksNewerThanUnicode9AreNotOrdered) {
  EXPECT_EQ(Uncased("a\u302E\u1715b"), "a\u302E\u1715b");
}

TEST(BertNormalizerTest, PartsMayBeCutAnywhere) {
  const std::string text = "Ab\u302E\u0301\U0001D16D\u302E\u0001cÉ 中\u212B";
  const BertNormalizer normalizer({});
  const std::string whole = normalizer.Normalize(text);
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    if (cut < text.size() && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) continue;
    BertNormalizer::State state;
    std::string out;
    normalizer.Append(std::string_view(text).substr(0, cut), state, out);
    normalizer.Append(std::string_view(text).substr(cut), state, out);
    normalizer.Finish(state, out);
    EXPECT_EQ(out, whole) << cut;
  }
}

}  // namespace
}  // namespace rerankd
