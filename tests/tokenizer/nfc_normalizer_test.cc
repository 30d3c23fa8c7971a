#include "tokenizer/nfc_normalizer.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tokenizer/utf8_codec.h"

namespace rerankd {
namespace {

TEST(NfcNormalizerTest, Composes) {
  EXPECT_EQ(NormalizeNfc(""), "");
  EXPECT_EQ(NormalizeNfc("plain"), "plain");
  EXPECT_EQ(NormalizeNfc("e\u0301e"), "\u00E9e");
  EXPECT_EQ(NormalizeNfc("\u212B"), "\u00C5");                          // a singleton
  EXPECT_EQ(NormalizeNfc("\u0958"), "\u0915\u093C");                    // excluded from composition
  EXPECT_EQ(NormalizeNfc("\u1100\u1161\u11A8\u11A8"), "\uAC01\u11A8");  // Hangul
}

TEST(NfcNormalizerTest, OrdersMarks) {
  EXPECT_EQ(NormalizeNfc("a\u0302\u0323"), "\u1EAD");
  EXPECT_EQ(NormalizeNfc("a\u0315\u0300"), "\u00E0\u0315");
  EXPECT_EQ(NormalizeNfc("a\u0305\u0301"), "a\u0305\u0301");  // a mark of the same class blocks
  EXPECT_EQ(NormalizeNfc("\u0315\u0300"), "\u0300\u0315");    // without a starter
  // What could not compose at its turn does not get another one.
  EXPECT_EQ(NormalizeNfc("a\u0327\u0301"), "\u00E1\u0327");
}

TEST(NfcNormalizerTest, LeavesCharactersYoungerThanItsTablesAlone) {
  EXPECT_EQ(NormalizeNfc("\U00011935\U00011930"), "\U00011935\U00011930");  // Unicode 13
}

TEST(NfcNormalizerTest, PartsMayBeCutAnywhere) {
  const std::string_view text = "e\u0301\u0323x\u1100\u1161\u11A8 a\u0315\u0300\u212B\u0301z\u0302";
  for (size_t cut = 0; cut < text.size();) {
    NfcNormalizer normalizer;
    std::string out;
    normalizer.Append(text.substr(0, cut), out);
    normalizer.Append(text.substr(cut), out);
    normalizer.Finish(out);
    EXPECT_EQ(out, NormalizeNfc(text)) << "cut at " << cut;
    NextCodePoint(text, cut);
  }
}

}  // namespace
}  // namespace rerankd
