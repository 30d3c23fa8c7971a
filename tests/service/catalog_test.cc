#include "service/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/errors.h"
#include "util/utf8.h"

namespace rerankd {
namespace {

using ::testing::HasSubstr;

Catalog::Entry Named(std::string name) {
  Catalog::Entry entry;
  entry.info.name = std::move(name);
  return entry;
}

TEST(CatalogTest, EmptyNameIsTheFirstModelAdded) {
  Catalog catalog;
  ASSERT_TRUE(catalog.Add(Named("b")).ok());
  ASSERT_TRUE(catalog.Add(Named("a")).ok());
  EXPECT_EQ((*catalog.Find(""))->info.name, "b");
  EXPECT_EQ((*catalog.Find("a"))->info.name, "a");
}

TEST(CatalogTest, RefusesASecondModelOfTheSameName) {
  Catalog catalog;
  ASSERT_TRUE(catalog.Add(Named("a")).ok());
  const absl::Status status = catalog.Add(Named("a"));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("\"a\""));
  EXPECT_EQ(catalog.entries().size(), 1);
}

TEST(CatalogTest, UnknownNameListsTheKnownOnes) {
  Catalog catalog;
  ASSERT_TRUE(catalog.Add(Named("mini")).ok());
  ASSERT_TRUE(catalog.Add(Named("large")).ok());
  const absl::Status status = catalog.Find("minni").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(std::string(status.message()),
            "there is no model \"minni\"; this server has: mini, large");
  EXPECT_EQ(ReasonOf(status), "UNKNOWN_MODEL");
}

TEST(CatalogTest, WithoutModelsNothingIsFound) {
  EXPECT_EQ(Catalog().Find("").status().code(), absl::StatusCode::kNotFound);
}

TEST(CatalogTest, QuotesLittleOfALongName) {
  Catalog catalog;
  ASSERT_TRUE(catalog.Add(Named("mini")).ok());
  std::string name;
  for (int i = 0; i < 100'000; ++i) name += "é";
  const std::string message(catalog.Find("x" + name).status().message());
  EXPECT_LT(message.size(), 200);
  EXPECT_EQ(FindInvalidUtf8(message), std::nullopt) << message;
}

}  // namespace
}  // namespace rerankd
