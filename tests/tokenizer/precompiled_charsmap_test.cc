#include "tokenizer/precompiled_charsmap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tokenizer/charsmap_builder.h"

namespace rerankd {
namespace {

using testing::HasSubstr;

using Rules = std::vector<std::pair<std::string, std::string>>;

PrecompiledCharsmap Parse(const Rules& rules) {
  absl::StatusOr<PrecompiledCharsmap> charsmap = PrecompiledCharsmap::Parse(BuildCharsmap(rules));
  EXPECT_TRUE(charsmap.ok()) << charsmap.status();
  return *std::move(charsmap);
}

TextNormalizer Normalizer(const Rules& rules) {
  std::vector<std::unique_ptr<NormalizerStep>> steps;
  steps.push_back(MakePrecompiledStep(Parse(rules)));
  return TextNormalizer(std::move(steps));
}

TEST(PrecompiledCharsmapTest, FindsTheShortestKey) {
  const PrecompiledCharsmap charsmap =
      Parse({{"ab", "1"}, {"abc", "2"}, {"x", ""}, {"\u00E9", "e"}});
  EXPECT_EQ(charsmap.Find("ab"), "1");
  EXPECT_EQ(charsmap.Find("abc"), "1");
  EXPECT_EQ(charsmap.Find("xyz"), "");
  EXPECT_EQ(charsmap.Find("\u00E9"), "e");
  EXPECT_EQ(charsmap.Find("a"), std::nullopt);
  EXPECT_EQ(charsmap.Find("\u00E8"), std::nullopt);
  EXPECT_EQ(charsmap.Find(std::string_view("\0ab", 3)), std::nullopt);
  EXPECT_EQ(charsmap.Find(""), std::nullopt);
}

TEST(PrecompiledCharsmapTest, ShortClustersAreReplacedWhole) {
  const TextNormalizer normalizer = Normalizer({{"e\u0301", "E"}, {"a", "A"}, {"\r\n", "|"}});
  EXPECT_EQ(normalizer.Normalize("ae\u0301e"), "AEe");
  // The mark goes with its character, as in the original.
  EXPECT_EQ(normalizer.Normalize("a\u0301b"), "Ab");
  EXPECT_EQ(normalizer.Normalize("a\r\n\n"), "A|\n");
}

TEST(PrecompiledCharsmapTest, LongClustersGoCharacterByCharacter) {
  const TextNormalizer normalizer = Normalizer({{"a", "A"}, {"\u0301", "'"}, {"\u0302", "^"}});
  EXPECT_EQ(normalizer.Normalize("a\u0301\u0302"), "A");                // five bytes
  EXPECT_EQ(normalizer.Normalize("a\u0301\u0302\u0303"), "A'^\u0303");  // seven
  EXPECT_EQ(normalizer.Normalize("x\u0301"), "x'");
}

TEST(PrecompiledCharsmapTest, ClustersMayBeCutBetweenParts) {
  const TextNormalizer normalizer = Normalizer({{"e\u0301", "E"}, {"a", "A"}});
  TextNormalizer::Stream stream(normalizer);
  std::string out;
  for (const char* part : {"e", "\u0301", "a", "a", "e", "\u0301\u0302\u0303", "\u0303", "e"}) {
    stream.Append(part, out);
  }
  stream.Finish(out);
  EXPECT_EQ(out, "EAAe\u0301\u0302\u0303\u0303e");
}

TEST(PrecompiledCharsmapTest, RefusesWhatIsMalformed) {
  const auto error = [](const std::string& bytes) {
    const absl::Status status = PrecompiledCharsmap::Parse(bytes).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    return std::string(status.message());
  };
  std::string bytes = BuildCharsmap({{"a", "b"}});
  EXPECT_EQ(error(""), "the character map is shorter than its header");
  EXPECT_THAT(error(std::string(8, '\xFF')), HasSubstr("says that its array has 4294967295 bytes"));
  EXPECT_THAT(error(std::string(8, '\0')), HasSubstr("array has 0 bytes"));
  EXPECT_THAT(error(bytes + "\xC3"), HasSubstr("not UTF-8"));
  // An entry past the strings, and one inside a character.
  std::string far = bytes;
  far[4 + 512 * 4] = 77;
  EXPECT_THAT(error(far), HasSubstr("an entry at 77, but 2 bytes of strings"));
  std::string inside = BuildCharsmap({{"a", "\u00E9"}});
  inside[4 + 512 * 4] = 1;
  EXPECT_THAT(error(inside), HasSubstr("an entry at 1"));
}

}  // namespace
}  // namespace rerankd
