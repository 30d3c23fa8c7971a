#include "tokenizer/text_normalizer.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/utf8_codec.h"

namespace rerankd {
namespace {

template <typename... Steps>
TextNormalizer Normalizer(Steps... steps) {
  std::vector<std::unique_ptr<NormalizerStep>> list;
  (list.push_back(std::move(steps)), ...);
  return TextNormalizer(std::move(list));
}

// Whole, and character by character.
void ExpectNormalized(const TextNormalizer& normalizer, std::string_view text,
                      std::string_view wanted) {
  EXPECT_EQ(normalizer.Normalize(text), wanted) << text;
  TextNormalizer::Stream stream(normalizer);
  for (int round = 0; round < 2; ++round) {  // a stream serves one text after the other
    std::string out;
    for (size_t i = 0; i < text.size();) {
      const size_t begin = i;
      NextCodePoint(text, i);
      stream.Append(text.substr(begin, i - begin), out);
    }
    stream.Finish(out);
    EXPECT_EQ(out, wanted) << text << " by characters, round " << round;
  }
}

TEST(TextNormalizerTest, WithoutStepsNothingChanges) {
  ExpectNormalized(TextNormalizer(), " \u00C9\n", " \u00C9\n");
}

TEST(TextNormalizerTest, UnicodeForms) {
  constexpr std::string_view kText = "\u00E9 e\u0323\u0301 e\u0301\u0323 \uFB01\uAC01\u2460";
  ExpectNormalized(Normalizer(MakeUnicodeStep(UnicodeForm::kNfd)), kText,
                   "e\u0301 e\u0323\u0301 e\u0323\u0301 \uFB01\u1100\u1161\u11A8\u2460");
  ExpectNormalized(Normalizer(MakeUnicodeStep(UnicodeForm::kNfc)), kText,
                   "\u00E9 \u1EB9\u0301 \u1EB9\u0301 \uFB01\uAC01\u2460");
  ExpectNormalized(Normalizer(MakeUnicodeStep(UnicodeForm::kNfkd)), kText,
                   "e\u0301 e\u0323\u0301 e\u0323\u0301 fi\u1100\u1161\u11A81");
  ExpectNormalized(Normalizer(MakeUnicodeStep(UnicodeForm::kNfkc)), kText,
                   "\u00E9 \u1EB9\u0301 \u1EB9\u0301 fi\uAC011");
}

TEST(TextNormalizerTest, LowercaseAndMarks) {
  ExpectNormalized(Normalizer(MakeLowercaseStep()), "A\u00C9\u0130\u03A3", "a\u00E9i\u0307\u03C3");
  ExpectNormalized(Normalizer(MakeStripAccentsStep()), "e\u0301\u093Ea\u20DD", "ea");
}

TEST(TextNormalizerTest, Strip) {
  constexpr std::string_view kText = " \u3000\na  b\t ";
  ExpectNormalized(Normalizer(MakeStripStep(true, true)), kText, "a  b");
  ExpectNormalized(Normalizer(MakeStripStep(true, false)), kText, "a  b\t ");
  ExpectNormalized(Normalizer(MakeStripStep(false, true)), kText, " \u3000\na  b");
  ExpectNormalized(Normalizer(MakeStripStep(false, false)), kText, kText);
  ExpectNormalized(Normalizer(MakeStripStep(false, true)), "  ", "");
  ExpectNormalized(Normalizer(MakeStripStep(true, false)), "  ", "");
}

TEST(TextNormalizerTest, PrependStandsBeforeWhatIsNotEmpty) {
  ExpectNormalized(Normalizer(MakePrependStep("<")), "ab", "<ab");
  ExpectNormalized(Normalizer(MakePrependStep("<")), "", "");
}

TEST(TextNormalizerTest, ReplaceTakesTheLeftmostMatches) {
  ExpectNormalized(Normalizer(MakeReplaceStep("aa", "b")), "aaaaa aa", "bba b");
  ExpectNormalized(Normalizer(MakeReplaceStep("``", "\"")), "``x`", "\"x`");
  ExpectNormalized(Normalizer(MakeReplaceStep("\u00E9x", "")), "\u00E9\u00E9xx\u00E9",
                   "\u00E9x\u00E9");
}

TEST(TextNormalizerTest, ReplaceRuns) {
  const TextNormalizer spaces = Normalizer(MakeReplaceRunsStep(SpaceRuns::kSpaces, "_"));
  ExpectNormalized(spaces, "a b  c   \n  ", "a b_c_\n_");
  const TextNormalizer breaks =
      Normalizer(MakeReplaceRunsStep(SpaceRuns::kWhiteSpaceAndBreaks, "_"));
  ExpectNormalized(breaks, "a b\u3000c\nd\u3000 e \n ", "a b\u3000c_d_e_");
}

TEST(TextNormalizerTest, StepsFollowEachOther) {
  const TextNormalizer normalizer =
      Normalizer(MakeUnicodeStep(UnicodeForm::kNfkd), MakeStripAccentsStep(), MakeLowercaseStep(),
                 MakeStripStep(true, true), MakeReplaceStep("e ", "E"), MakePrependStep("_"));
  ExpectNormalized(normalizer, " \uFF21\u00C9 b\u0301 ", "_aEb");
}

}  // namespace
}  // namespace rerankd
