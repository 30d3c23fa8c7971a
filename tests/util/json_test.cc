#include "util/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_dir.h"

namespace rerankd {
namespace {

TEST(JsonTest, BrokenTextIsAStatusThatSaysWhere) {
  const auto result = ParseJson("{\"a\": }", "config.json");
  EXPECT_EQ(result.status(),
            absl::FailedPreconditionError("config.json: not valid JSON at byte 7"));
}

TEST(JsonTest, RefusesWhatIsNestedTooDeep) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(ParseJson(nested(100), "f").ok());
  EXPECT_EQ(ParseJson(nested(101), "f").status(),
            absl::FailedPreconditionError("f: lists and objects are nested more than 100 deep"));
  EXPECT_FALSE(ParseJson(nested(1'000'000), "f").ok());
  EXPECT_TRUE(
      ParseJson("[\"" + std::string(200, '[') + "\\\"" + std::string(200, '{') + "\"]", "f").ok());
}

TEST(JsonTest, StrictJsonHasEachKeyOnce) {
  EXPECT_EQ(
      ParseStrictJson(R"({"a": {"b": 1}, "b": [{"a": 2}, {"a": 3}]})", "f", 3)->at("b").size(), 2);
  EXPECT_EQ(ParseStrictJson(R"({"a": 1, "a": 1})", "f", 3).status(),
            absl::FailedPreconditionError("f: has the key \"a\" twice"));
  EXPECT_EQ(ParseStrictJson(R"([{"x": {"b": 1, "b": 2}}])", "f", 3).status(),
            absl::FailedPreconditionError("f: has the key \"b\" twice"));
  EXPECT_EQ(ParseStrictJson("[[[[]]]]", "f", 3).status(),
            absl::FailedPreconditionError("f: lists and objects are nested more than 3 deep"));
  EXPECT_FALSE(ParseStrictJson("{", "f", 3).ok());
}

TEST(JsonTest, AFileMustHoldAnObject) {
  const TempDir dir;
  EXPECT_EQ(ReadJsonObject(dir.Write("f", "[1]")).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(ReadJsonObject(dir.Write("f", "{}")).ok());
}

TEST(JsonTest, TypedLookUps) {
  const nlohmann::json object = nlohmann::json::parse(
      R"({"s": "x", "b": true, "i": 3, "d": 0.5, "n": null, "u": 18446744073709551615})");
  EXPECT_EQ(**JsonString(object, "s", "f"), "x");
  EXPECT_EQ(**JsonBool(object, "b", "f"), true);
  EXPECT_EQ(**JsonInt(object, "i", "f"), 3);
  EXPECT_EQ(**JsonDouble(object, "d", "f"), 0.5);
  EXPECT_EQ(**JsonDouble(object, "i", "f"), 3);
  EXPECT_EQ(*JsonString(object, "n", "f"), std::nullopt);
  EXPECT_EQ(*JsonInt(object, "missing", "f"), std::nullopt);
  EXPECT_EQ(JsonInt(object, "d", "f").status(),
            absl::FailedPreconditionError("f: \"d\" must be a whole number, but is number"));
  EXPECT_FALSE(JsonInt(object, "u", "f").ok());
  EXPECT_FALSE(JsonString(object, "i", "f").ok());
  EXPECT_FALSE(JsonBool(object, "s", "f").ok());
  EXPECT_FALSE(JsonDouble(object, "s", "f").ok());
}

}  // namespace
}  // namespace rerankd
