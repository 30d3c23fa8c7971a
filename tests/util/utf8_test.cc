#include "util/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace rerankd {
namespace {

TEST(Utf8Test, AcceptsEveryCodePointAndNothingElse) {
  for (uint32_t c = 0; c < 0x120000; ++c) {
    std::string text = "12345678";
    if (c < 0x80) {
      text += static_cast<char>(c);
    } else if (c < 0x800) {
      text += static_cast<char>(0xC0 | (c >> 6U));
      text += static_cast<char>(0x80 | (c & 0x3FU));
    } else if (c < 0x10000) {
      text += static_cast<char>(0xE0 | (c >> 12U));
      text += static_cast<char>(0x80 | ((c >> 6U) & 0x3FU));
      text += static_cast<char>(0x80 | (c & 0x3FU));
    } else {
      text += static_cast<char>(0xF0 | (c >> 18U));
      text += static_cast<char>(0x80 | ((c >> 12U) & 0x3FU));
      text += static_cast<char>(0x80 | ((c >> 6U) & 0x3FU));
      text += static_cast<char>(0x80 | (c & 0x3FU));
    }
    const bool valid = c < 0xD800 || (c > 0xDFFF && c < 0x110000);
    ASSERT_EQ(!FindInvalidUtf8(text).has_value(), valid) << c;
  }
}

TEST(Utf8Test, TellsWhere) {
  EXPECT_EQ(FindInvalidUtf8("abc\xFFzzzzzzzzz"), 3U);
  EXPECT_EQ(FindInvalidUtf8("0123456789\xC3"), 10U);   // cut short
  EXPECT_EQ(FindInvalidUtf8("\xC0\xAF"), 0U);          // overlong
  EXPECT_EQ(FindInvalidUtf8("\xE0\x80\xAF"), 0U);      // overlong
  EXPECT_EQ(FindInvalidUtf8("\xED\xA0\x80"), 0U);      // lone surrogate
  EXPECT_EQ(FindInvalidUtf8("\xF4\x90\x80\x80"), 0U);  // past U+10FFFF
  EXPECT_EQ(FindInvalidUtf8("\xE4\xB8\xAD"
                            "a\x80"),
            4U);  // stray continuation
  EXPECT_EQ(FindInvalidUtf8(""), std::nullopt);
}

TEST(Utf8Test, FloorsToACharacter) {
  const std::string_view text = "a\xC3\xA9\xE4\xB8\xAD";
  EXPECT_EQ(Utf8FloorBoundary(text, 0), 0U);
  EXPECT_EQ(Utf8FloorBoundary(text, 2), 1U);
  EXPECT_EQ(Utf8FloorBoundary(text, 3), 3U);
  EXPECT_EQ(Utf8FloorBoundary(text, 5), 3U);
  EXPECT_EQ(Utf8FloorBoundary(text, 99), 6U);
}

}  // namespace
}  // namespace rerankd
