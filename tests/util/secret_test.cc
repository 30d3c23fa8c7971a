#include "util/secret.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ostream>

namespace rerankd {
namespace {

template <typename T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };

TEST(SecretTest, CannotBePrinted) {
  static_assert(Printable<std::string>);
  static_assert(!Printable<Secret>);
  static_assert(!fmt::is_formattable<Secret>::value);
  static_assert(!std::is_convertible_v<Secret, std::string>);
  EXPECT_EQ(Secret("word").Reveal(), "word");
  EXPECT_TRUE(Secret().empty());
}

}  // namespace
}  // namespace rerankd
