#include "providers/key_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "support/temp_dir.h"

namespace rerankd {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

EnvironmentLookup Environment(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) {
    const auto it = variables.find(name);
    return it == variables.end() ? std::nullopt : std::optional<std::string>(it->second);
  };
}

const std::vector<Dialect::KeyVariable> kCustomary = {
    {.name = "X_KEY_PATH", .names_file = true}, {.name = "X_KEY"}, {.name = "X_OLD_KEY"}};

std::string Key(KeySource& source) {
  const auto key = source.Get();
  return key.ok() ? key->Reveal() : "error: " + std::string(key.status().message());
}

std::string Key(KeySource::Options options, const EnvironmentLookup& environment) {
  options.provider = "x";
  KeySource source(options, environment);
  return Key(source);
}

TEST(KeySourceTest, LooksInItsOrder) {
  const TempDir dir;
  const fs::path file = dir.Write("key", "of-the-file\n");
  const fs::path other = dir.Write("other", "of-the-variables-file");
  const auto environment = Environment({{"X_KEY_PATH", other.string()},
                                        {"X_KEY", "of-the-variable"},
                                        {"X_OLD_KEY", "of-the-old-one"},
                                        {"MINE", "of-the-entry"}});
  EXPECT_EQ(Key({.file = file, .variable = "MINE", .customary = kCustomary}, environment),
            "of-the-file");
  EXPECT_EQ(Key({.variable = "MINE", .customary = kCustomary}, environment), "of-the-entry");
  EXPECT_EQ(Key({.customary = kCustomary}, environment), "of-the-variables-file");
  EXPECT_EQ(Key({.customary = kCustomary},
                Environment({{"X_KEY_PATH", ""}, {"X_KEY", "a"}, {"X_OLD_KEY", "b"}})),
            "a");
  EXPECT_EQ(Key({.customary = kCustomary}, Environment({{"X_OLD_KEY", "b"}})), "b");
}

TEST(KeySourceTest, WhatIsNamedIsNotReplaced) {
  const auto environment = Environment({{"X_KEY", "of-another-account"}});
  EXPECT_THAT(Key({.file = "/no/such/file", .customary = kCustomary}, environment),
              HasSubstr("/no/such/file"));
  EXPECT_EQ(Key({.variable = "MINE", .customary = kCustomary, .required = false}, environment),
            "error: x: there is no key: set MINE in the environment");
}

TEST(KeySourceTest, SaysWhereItLooked) {
  EXPECT_EQ(Key({.customary = kCustomary}, Environment({})),
            "error: x: there is no key: set X_KEY_PATH, X_KEY, X_OLD_KEY in the environment, or "
            "api_key_file or api_key_env in the model's entry");
  EXPECT_EQ(Key({}, Environment({})),
            "error: x: there is no key: set api_key_file or api_key_env in the model's entry");
  EXPECT_EQ(Key({.customary = kCustomary, .required = false}, Environment({})), "");
  EXPECT_EQ(KeySource({.customary = kCustomary}, Environment({{"X_KEY", "k"}})).place(),
            "environment variable X_KEY");
  EXPECT_EQ(KeySource({.file = "/run/key"}, Environment({})).place(), "file /run/key");
  EXPECT_EQ(KeySource({.required = false}, Environment({})).place(), "nowhere");
}

TEST(KeySourceTest, OneLineEndIsNotOfTheKey) {
  EXPECT_EQ(ParseKey("k")->Reveal(), "k");
  EXPECT_EQ(ParseKey("k\n")->Reveal(), "k");
  EXPECT_EQ(ParseKey("k\r\n")->Reveal(), "k");
  EXPECT_EQ(ParseKey("two words")->Reveal(), "two words");
}

TEST(KeySourceTest, KeysThatNoHeaderCanHaveAreRefusedWithoutBeingTold) {
  for (const std::string& text :
       {std::string(), std::string("\n"), std::string("sentinel\n\n"),
        std::string("sentinel\nHost: evil"), std::string("sentinel\0x", 10),
        std::string("sentinel\t"), std::string("sentinel\xC3\xA4"), std::string("sentinel\x7F"),
        std::string(10'000, 'k')}) {
    const absl::Status status = ParseKey(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.ToString(), Not(HasSubstr("sentinel")));
  }
  EXPECT_THAT(Key({.variable = "MINE"}, Environment({{"MINE", "sentinel\nx"}})),
              testing::AllOf(HasSubstr("environment variable MINE cannot be used"),
                             Not(HasSubstr("sentinel"))));
}

TEST(KeySourceTest, AFileIsReadAgainWhenAnotherTakesItsPlace) {
  const TempDir dir;
  const fs::path file = dir.Write("key", "first\n");
  KeySource source({.provider = "x", .file = file}, Environment({}));
  EXPECT_EQ(Key(source), "first");
  fs::rename(dir.Write("next", "other\n"), file);
  EXPECT_EQ(Key(source), "other");
  dir.Write("key", "longer than the other\n");
  EXPECT_EQ(Key(source), "longer than the other");
}

// A volume of a Kubernetes secret: key -> ..data/key, ..data -> a folder of its own for each state.
TEST(KeySourceTest, ASecretVolumeIsFollowed) {
  const TempDir dir;
  dir.Write("..2026_1/key", "first");
  dir.Write("..2026_2/key", "other");  // as long as the first
  fs::create_directory_symlink("..2026_1", dir.path() / "..data");
  fs::create_symlink("..data/key", dir.path() / "key");
  KeySource source({.provider = "x", .file = dir.path() / "key"}, Environment({}));
  EXPECT_EQ(Key(source), "first");
  fs::create_directory_symlink("..2026_2", dir.path() / "..tmp");
  fs::rename(dir.path() / "..tmp", dir.path() / "..data");
  fs::remove_all(dir.path() / "..2026_1");
  EXPECT_EQ(Key(source), "other");
}

TEST(KeySourceTest, TheLastGoodKeyOutlivesABadFile) {
  const TempDir dir;
  const fs::path file = dir.path() / "key";
  KeySource source({.provider = "x", .file = file}, Environment({}));
  EXPECT_THAT(Key(source), HasSubstr("cannot be used"));
  dir.Write("key", "good");
  EXPECT_EQ(Key(source), "good");
  dir.Write("key", "");
  EXPECT_EQ(Key(source), "good");
  fs::remove(file);
  EXPECT_EQ(Key(source), "good");
  dir.Write("key", "better");
  EXPECT_EQ(Key(source), "better");
}

TEST(KeySourceTest, WhatBecomesOfAFileIsToldOnceAChange) {
  const TempDir dir;
  const fs::path file = dir.Write("key", "sentinel-1");
  std::vector<std::string> told;
  KeySource source({.provider = "x", .file = file}, Environment({}),
                   [&](const absl::Status& status) {
                     told.push_back(status.ok() ? "renewed" : std::string(status.message()));
                   });
  const auto ask = [&](const std::string& key) {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(Key(source), key);
  };
  const std::string problem = "x: the key in file " + file.string() + " cannot be used: ";
  ask("sentinel-1");
  dir.Write("key", "");
  ask("sentinel-1");
  dir.Write("key", "sentinel\nof two lines");
  ask("sentinel-1");
  fs::remove(file);
  ask("sentinel-1");
  dir.Write("key", "sentinel-2");
  ask("sentinel-2");
  EXPECT_THAT(told, testing::ElementsAre(problem + "it is empty",
                                         testing::StartsWith(problem + "it holds a control"),
                                         testing::StartsWith(problem), "renewed"));
  for (const std::string& text : told) EXPECT_THAT(text, Not(HasSubstr("sentinel")));
}

TEST(KeySourceTest, ManyMayAsk) {
  const TempDir dir;
  const fs::path file = dir.Write("key", "key-0");
  KeySource source({.provider = "x", .file = file}, Environment({}));
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 200; ++n) EXPECT_THAT(Key(source), testing::StartsWith("key-"));
    });
  }
  for (int n = 0; n < 50; ++n) {
    fs::rename(dir.Write("next", "key-" + std::to_string(n)), file);
  }
  threads.clear();
  EXPECT_EQ(Key(source), "key-49");
}

}  // namespace
}  // namespace rerankd
