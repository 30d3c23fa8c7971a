#include "service/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/errors.h"
#include "util/utf8.h"

namespace rerankd {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<ManagedModel> Named(std::string name, std::vector<std::string> aliases = {}) {
  ManagedModel::Options options;
  options.info.name = std::move(name);
  options.info.aliases = std::move(aliases);
  return std::make_unique<ManagedModel>(
      std::move(options), [](const std::stop_token&) -> absl::StatusOr<ManagedModel::Loaded> {
        return absl::UnimplementedError("nothing to load");
      });
}

TEST(CatalogTest, EmptyNameIsTheFirstModelAdded) {
  Catalog catalog;
  ASSERT_TRUE(catalog.Add(Named("b")).ok());
  ASSERT_TRUE(catalog.Add(Named("a")).ok());
  EXPECT_EQ((*catalog.Find(""))->name(), "b");
  EXPECT_EQ((*catalog.Find("a"))->name(), "a");
}

TEST(CatalogTest, FindsByAlias) {
  Catalog catalog;
  ASSERT_TRUE(catalog.Add(Named("a", {"first", "one"})).ok());
  ASSERT_TRUE(catalog.Add(Named("b", {"second"})).ok());
  EXPECT_EQ((*catalog.Find("one"))->name(), "a");
  EXPECT_EQ((*catalog.Find("second"))->name(), "b");
}

TEST(CatalogTest, RefusesASecondModelOfTheSameName) {
  Catalog catalog;
  ASSERT_TRUE(catalog.Add(Named("a", {"b"})).ok());
  for (const char* name : {"a", "b"}) {
    const absl::Status status = catalog.Add(Named(name));
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(name));
    EXPECT_FALSE(catalog.Add(Named("c", {name})).ok());
  }
  EXPECT_EQ(catalog.models().size(), 1);
  EXPECT_FALSE(catalog.Find("c").ok());
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
