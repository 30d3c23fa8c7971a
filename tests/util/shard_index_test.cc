#include "util/shard_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace rerankd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string IndexError(std::string_view text) {
  const absl::Status status = ParseShardIndex(text, "m/index").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  std::string message(status.message());
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_LT(message.size(), 1000U);
  EXPECT_THAT(message, ::testing::StartsWith("m/index: "));
  return message;
}

TEST(ShardIndexTest, SaysWhereEachTensorIs) {
  const auto index = ParseShardIndex(
      R"({"metadata":{"total_size":12,"total_parameters":3},
          "weight_map":{"b":"2.safetensors","a":"1.safetensors","c":"1.safetensors"}})",
      "m");
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_EQ(index->total_size, 12U);
  EXPECT_EQ(index->shards.size(), 2U);
  EXPECT_EQ(index->shards.at("1.safetensors"), (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(index->shards.at("2.safetensors"), (std::vector<std::string>{"b"}));
  for (const char* without : {R"({"weight_map":{"a":"1.safetensors"}})",
                              R"({"metadata":null,"weight_map":{"a":"1.safetensors"}})",
                              R"({"metadata":{},"weight_map":{"a":"1.safetensors"}})"}) {
    EXPECT_EQ(ParseShardIndex(without, "m").value().total_size, std::nullopt) << without;
  }
}

TEST(ShardIndexTest, TotalSizeMayBeAWholeFloat) {
  for (const char* size : {"123.0", "1.23e2", "123"}) {
    const auto index = ParseShardIndex(std::string(R"({"weight_map":{"a":"x.safetensors"},)") +
                                           R"("metadata":{"total_size":)" + size + "}}",
                                       "m");
    ASSERT_TRUE(index.ok()) << index.status();
    EXPECT_EQ(index->total_size, 123U) << size;
  }
}

TEST(ShardIndexTest, RefusesWhatIsNoIndex) {
  EXPECT_THAT(IndexError("{"), HasSubstr("not valid JSON"));
  EXPECT_THAT(IndexError("[]"), HasSubstr("must be a JSON object"));
  EXPECT_THAT(IndexError("{}"), HasSubstr("\"weight_map\""));
  EXPECT_THAT(IndexError(R"({"weight_map":{}})"), HasSubstr("\"weight_map\""));
  EXPECT_THAT(IndexError(R"({"weight_map":[]})"), HasSubstr("\"weight_map\""));
  EXPECT_THAT(IndexError(R"({"weight_map":{"a":1}})"), HasSubstr("maps \"a\" to 1"));
  EXPECT_THAT(IndexError(R"({"weight_map":{"a":"x.safetensors","a":"y.safetensors"}})"),
              HasSubstr("the key \"a\" twice"));
  EXPECT_THAT(IndexError(R"({"weight_map":{"a":"x.safetensors"},"metadata":1})"),
              HasSubstr("\"metadata\""));
  for (const char* size : {"-1", "-1.0", "1.5", "1e300", "\"1\"", "18446744073709551615"}) {
    EXPECT_THAT(IndexError(std::string(R"({"weight_map":{"a":"x.safetensors"},"metadata":)") +
                           R"({"total_size":)" + size + "}}"),
                HasSubstr("\"total_size\""));
  }
  std::string many = "{\"weight_map\":{";
  for (int i = 0; i < 1025; ++i) {
    many += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":\"" + std::to_string(i) +
            ".safetensors\"";
  }
  EXPECT_THAT(IndexError(many + "}}"), HasSubstr("more than 1024 files"));
  EXPECT_THAT(IndexError(std::string(1 << 20, '[')), HasSubstr("nested more than"));
  EXPECT_THAT(IndexError(std::string(kMaxShardIndexBytes + 1, ' ')), HasSubstr("at most"));
}

TEST(ShardIndexTest, NoFileIsOutsideTheFolder) {
  for (const char* name : {"", ".", "..", "../x.safetensors", "/etc/x.safetensors",
                           "sub/x.safetensors", "..\\\\x.safetensors", "x\\u0000.safetensors",
                           "x.bin", "pytorch_model.bin", "safetensors"}) {
    EXPECT_THAT(IndexError(std::string(R"({"weight_map":{"a":")") + name + "\"}}"),
                AllOf(HasSubstr("maps \"a\" to"), HasSubstr("in the same folder")))
        << name;
  }
}

}  // namespace
}  // namespace rerankd
