#include "util/printable.h"

#include <gtest/gtest.h>

#include <string>

namespace rerankd {
namespace {

TEST(PrintableTest, ReplacesWhatIsNotPrintableAsciiAndCuts) {
  EXPECT_EQ(Printable("a\n\x1b[31m\xC3\xA9z"), "a??[31m??z");
  EXPECT_EQ(Printable("abcdef", 3), "abc...");
}

TEST(PrintableTest, EscapesControlsAndLeavesTheRest) {
  EXPECT_EQ(EscapeControls("a\nb\tc\x1b[31m\x7f \xC3\xA9"), "a\\nb\\tc\\x1b[31m\\x7f \xC3\xA9");
  EXPECT_EQ(EscapeControls(std::string(1, '\0')), "\\x00");
}

}  // namespace
}  // namespace rerankd
