#include "providers/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace rerankd {
namespace {

TEST(RegistryTest, NamesAreUniqueAndMakeThatProvider) {
  std::set<std::string> seen;
  for (const std::string& kind : ProviderKinds()) {
    EXPECT_TRUE(seen.insert(kind).second) << kind;
    const auto provider =
        MakeProvider({.kind = kind, .model = "m", .base_url = "https://example.com"});
    ASSERT_TRUE(provider.ok()) << provider.status();
    EXPECT_EQ((*provider)->name(), kind);
  }
  EXPECT_THAT(ProviderKinds(), testing::IsSupersetOf({"voyage", "cohere", "jina"}));
}

TEST(RegistryTest, KeysHaveTheNamesOfTheSdks) {
  const auto names = [](const char* kind) {
    std::vector<std::string> names;
    for (const auto& variable : KeyPlaces({.kind = kind}).customary) names.push_back(variable.name);
    return names;
  };
  EXPECT_THAT(names("voyage"), testing::IsSupersetOf({"VOYAGE_API_KEY", "VOYAGE_API_KEY_PATH"}));
  EXPECT_THAT(names("cohere"), testing::ElementsAre("CO_API_KEY", "COHERE_API_KEY"));
  EXPECT_THAT(names("jina"), testing::IsSupersetOf({"JINA_API_KEY", "JINAAI_API_KEY"}));
}

TEST(RegistryTest, AServerOfOnesOwnMayGoWithoutAKey) {
  EXPECT_TRUE(KeyPlaces({.kind = "voyage"}).required);
  EXPECT_FALSE(KeyPlaces({.kind = "voyage", .base_url = "http://localhost"}).required);
  EXPECT_EQ(KeyPlaces({.kind = "jina", .api_key_file = "/k", .api_key_env = "E"}).file, "/k");
  EXPECT_EQ(KeyPlaces({.kind = "jina", .api_key_env = "E"}).variable, "E");
}

TEST(RegistryTest, TheEnvironmentSaysWhereCallsGoUnlessTheEntryDoes) {
  const EnvironmentLookup environment = [](const std::string& name) {
    return name == "CO_API_URL" ? std::optional<std::string>("http://localhost:1") : std::nullopt;
  };
  EXPECT_EQ(WithEnvironment({.kind = "cohere"}, environment).base_url, "http://localhost:1");
  EXPECT_EQ(WithEnvironment({.kind = "cohere", .base_url = "https://x"}, environment).base_url,
            "https://x");
  EXPECT_EQ(WithEnvironment({.kind = "voyage"}, environment).base_url, "");
}

}  // namespace
}  // namespace rerankd
