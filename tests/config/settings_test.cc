#include "config/settings.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <sstream>

#include "util/file.h"

namespace rerankd {
namespace {

TEST(SettingsTest, KeysFlagsAndVariablesAreUnique) {
  std::set<std::string> keys;
  std::set<std::string> flags;
  std::set<std::string> variables;
  for (const SettingSummary& setting : SettingSummaries()) {
    EXPECT_TRUE(keys.insert(setting.key).second) << setting.key;
    EXPECT_TRUE(flags.insert(FlagOf(setting.key)).second) << setting.key;
    EXPECT_TRUE(variables.insert(EnvironmentOf(setting.key)).second) << setting.key;
    EXPECT_TRUE(setting.help.ends_with('.')) << setting.key << " is explained by a sentence";
    EXPECT_FALSE(setting.form.empty()) << setting.key;
  }
  // A model's entry in the file takes the keys of both tables.
  for (const auto& setting : ModelSettings()) {
    EXPECT_FALSE(keys.contains("engine." + setting.key)) << setting.key;
  }
}

TEST(SettingsTest, TheSameSettingHasOneNameEverywhere) {
  EXPECT_EQ(FlagOf("log.level"), "--log-level");
  EXPECT_EQ(EnvironmentOf("log.level"), "RERANKD_LOG_LEVEL");
  EXPECT_EQ(FlagOf("model.model"), "--model");
  EXPECT_EQ(EnvironmentOf("model.model"), "RERANKD_MODEL");
  EXPECT_EQ(FlagOf("grace_period"), "--grace-period");
  EXPECT_EQ(EnvironmentOf("grace_period"), "RERANKD_GRACE_PERIOD");
}

template <typename T>
void ExpectDefaultsAreAccepted(std::span<const Setting<T>> settings) {
  for (const Setting<T>& setting : settings) {
    const std::string text = setting.format(T());
    if (text.empty()) continue;
    T parsed;
    EXPECT_TRUE(setting.parse(text, parsed).ok()) << setting.key << ": " << text;
    EXPECT_EQ(setting.format(parsed), text) << setting.key;
  }
}

TEST(SettingsTest, EveryDefaultIsAValueThatWouldBeAccepted) {
  ExpectDefaultsAreAccepted(ServerSettings());
  ExpectDefaultsAreAccepted(ModelSettings());
  ExpectDefaultsAreAccepted(EngineSettings());
}

TEST(SettingsTest, OperationsDocumentsEverySetting) {
  const char* const source = std::getenv("RERANKD_SOURCE_DIR");
  ASSERT_NE(source, nullptr);
  const absl::StatusOr<std::string> docs =
      ReadFile(std::filesystem::path(source) / "docs" / "OPERATIONS.md");
  ASSERT_TRUE(docs.ok()) << docs.status();
  std::istringstream rows(SettingsTable());
  for (std::string row; std::getline(rows, row);) {
    EXPECT_NE(docs->find(row + "\n"), std::string::npos)
        << "docs/OPERATIONS.md lacks this row; `rerankd settings` prints the whole table:\n"
        << row;
  }
}

}  // namespace
}  // namespace rerankd
