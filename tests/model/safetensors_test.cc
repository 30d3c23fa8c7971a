#include "model/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "tests/model/model_folder.h"
#include "tests/support/temp_dir.h"

namespace rerankd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Aligned as a mapped file is.
absl::StatusOr<TensorMap> Parse(const std::string& file) {
  static std::vector<uint64_t> storage;
  storage.assign(file.size() / 8 + 1, 0);
  std::memcpy(storage.data(), file.data(), file.size());
  return ParseSafetensors(std::as_bytes(std::span(storage)).first(file.size()), "f.safetensors");
}

std::string ErrorOf(const std::string& file) {
  const absl::StatusOr<TensorMap> parsed = Parse(file);
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kFailedPrecondition);
  const std::string message(parsed.status().message());
  EXPECT_THAT(message, HasSubstr("f.safetensors: "));
  EXPECT_THAT(message, Not(HasSubstr("\n")));
  EXPECT_LT(message.size(), 600U);
  return message;
}

std::string HeaderError(std::string header, size_t data_bytes = 0) {
  return ErrorOf(SafetensorsBytes(std::move(header), std::string(data_bytes, '\0')));
}

TEST(SafetensorsTest, ReadsTypeShapeAndBytes) {
  const auto tensors = Parse(SafetensorsBytes(
      R"({"__metadata__":{"format":"pt"},
          "b":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},
          "a":{"dtype":"BF16","shape":[2,1],"data_offsets":[8,12]},
          "none":{"dtype":"F32","shape":[0,7],"data_offsets":[12,12]},
          "scalar":{"dtype":"F32","shape":[],"data_offsets":[12,16]}})",
      "abcdefghijklmnop"));
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  ASSERT_EQ(tensors->size(), 4U);
  const TensorView& a = tensors->at("a");
  EXPECT_EQ(a.dtype, DType::kBF16);
  EXPECT_EQ(a.shape, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(a.bytes.data()), a.bytes.size()),
            "ijkl");
  EXPECT_TRUE(tensors->at("none").bytes.empty());
  EXPECT_EQ(tensors->at("scalar").bytes.size(), 4U);
}

TEST(SafetensorsTest, AnEmptyHeaderIsAFileWithoutTensors) {
  const auto tensors = Parse(SafetensorsBytes("{}", ""));
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  EXPECT_TRUE(tensors->empty());
}

TEST(SafetensorsTest, RefusesLengthsThatTheFileDoesNotHave) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("truncated: 0 bytes"));
  EXPECT_THAT(ErrorOf("1234567"), HasSubstr("truncated: 7 bytes"));
  EXPECT_THAT(ErrorOf(std::string(8, '\0')), HasSubstr("header"));
  const auto with_length = [](uint64_t length) {
    std::string file(sizeof(length), '\0');
    std::memcpy(file.data(), &length, sizeof(length));
    return file + "{}      ";
  };
  EXPECT_THAT(ErrorOf(with_length(9)), HasSubstr("truncated: 16 bytes, but its header alone ends "
                                                 "at byte 17"));
  for (const uint64_t length : {uint64_t{1} << 60, uint64_t{1} << 63, ~uint64_t{0}}) {
    EXPECT_THAT(ErrorOf(with_length(length)),
                HasSubstr("claims a header of " + std::to_string(length) + " bytes"));
  }
}

TEST(SafetensorsTest, RefusesAHeaderThatIsNotTheFormats) {
  EXPECT_THAT(HeaderError("not json"), HasSubstr("the header: not valid JSON at byte"));
  EXPECT_THAT(HeaderError("{\"a\": \xff\xfe}"), HasSubstr("JSON"));
  EXPECT_THAT(HeaderError("[1]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(HeaderError("{\"a\":1e999}"), HasSubstr("JSON"));
  EXPECT_THAT(HeaderError(R"({"a":1})"), HasSubstr("tensor \"a\" is not a JSON object"));
  EXPECT_THAT(HeaderError(R"({"__metadata__":{"a":1}})"), HasSubstr("must map strings"));
  EXPECT_THAT(HeaderError(R"({"__metadata__":[]})"), HasSubstr("must map strings"));
  EXPECT_THAT(HeaderError(R"({"a":{"shape":[],"data_offsets":[0,4]}})"), HasSubstr("no \"dtype\""));
  EXPECT_THAT(HeaderError(R"({"a":{"dtype":"F33","shape":[],"data_offsets":[0,4]}})"),
              HasSubstr("unknown dtype \"F33\""));
  EXPECT_THAT(HeaderError(R"({"a":{"dtype":"F32","data_offsets":[0,4]}})"),
              HasSubstr("no \"shape\""));
  EXPECT_THAT(HeaderError(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})"),
              HasSubstr("\"shape\" has -1"));
  EXPECT_THAT(HeaderError(R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})"),
              HasSubstr("\"shape\" has 1.5"));
  EXPECT_THAT(
      HeaderError(R"({"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})"),
      HasSubstr("at most 8 dimensions"));
  for (const char* offsets : {"[0]", "[0,4,8]", "[4,0]", "[-4,0]", "[0,\"4\"]", "7"}) {
    EXPECT_THAT(HeaderError(std::string(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)") +
                            offsets + "}}"),
                HasSubstr("no \"data_offsets\" [begin, end]"))
        << offsets;
  }
}

TEST(SafetensorsTest, RefusesRepeatedKeys) {
  EXPECT_THAT(HeaderError(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
                              "a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                          1),
              HasSubstr("the key \"a\" twice"));
  EXPECT_THAT(
      HeaderError(R"({"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})", 1),
      HasSubstr("the key \"dtype\" twice"));
}

TEST(SafetensorsTest, RefusesDeepNestingWithoutBuildingIt) {
  EXPECT_THAT(HeaderError(std::string(size_t{4} << 20, '[')), HasSubstr("header"));
  EXPECT_THAT(HeaderError(R"({"a":{"dtype":"U8","shape":[[1]],"data_offsets":[0,1]}})", 1),
              HasSubstr("nested more than 3 deep"));
}

TEST(SafetensorsTest, RefusesSizesThatContradictEachOther) {
  EXPECT_THAT(HeaderError(R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,20]}})", 20),
              HasSubstr("F32 of shape [2,3] needs 24 bytes, but data_offsets span 20"));
  EXPECT_THAT(
      HeaderError(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})"),
      HasSubstr("overflows"));
  EXPECT_THAT(
      HeaderError(R"({"a":{"dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,1]}})"),
      HasSubstr("not a usable dimension"));
}

TEST(SafetensorsTest, RefusesRangesThatDoNotCoverTheDataOnce) {
  const auto two = [](const char* first, const char* second) {
    return std::string(R"({"x":{"dtype":"U8","shape":[4],"data_offsets":)") + first +
           R"(},"y":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}";
  };
  EXPECT_THAT(HeaderError(two("[0,4]", "[2,6]"), 6),
              HasSubstr("tensor \"y\" begins at byte 2 of the data, inside \"x\""));
  EXPECT_THAT(HeaderError(two("[0,4]", "[0,4]"), 4), HasSubstr("inside \"x\""));
  EXPECT_THAT(HeaderError(two("[0,4]", "[6,10]"), 10), HasSubstr("belong to no tensor"));
  EXPECT_THAT(HeaderError(two("[0,4]", "[4,8]"), 9), HasSubstr("1 bytes follow the last tensor"));
  EXPECT_THAT(
      HeaderError(two("[0,4]", "[4,8]"), 7),
      AllOf(HasSubstr("truncated: 7 bytes of data"), HasSubstr("describes 8"), HasSubstr("\"y\"")));
  EXPECT_THAT(
      HeaderError(
          R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[18446744073709551614,18446744073709551615]}})"),
      HasSubstr("belong to no tensor"));
}

TEST(SafetensorsTest, RefusesMisalignedTensors) {
  EXPECT_THAT(HeaderError(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},
                              "b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
                          6),
              HasSubstr("not a multiple of the 4 bytes of a F32"));
}

TEST(SafetensorsTest, HostileNamesStayOutOfTheLog) {
  const std::string name(100'000, 'n');
  EXPECT_THAT(HeaderError("{\"" + name + "\":1}"), HasSubstr("nnn"));  // and is short: ErrorOf()
  EXPECT_THAT(HeaderError("{\"a\\nb\":1}"), HasSubstr("a\\nb"));
}

TEST(SafetensorsTest, OpensAFileAndReadsItAgainAfterDroppingItsPages) {
  const TempDir dir;
  const auto path = dir.Write(
      "m.safetensors",
      SafetensorsBytes(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}})", "xyz"));
  const auto file = SafetensorsFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->origin(), path.string());
  DropPages(file->bytes());
  EXPECT_EQ(std::to_integer<char>(file->tensors().at("a").bytes[2]), 'z');
}

TEST(SafetensorsTest, AMissingFileIsNotFound) {
  const TempDir dir;
  const auto file = SafetensorsFile::Open(dir.path() / "none.safetensors");
  EXPECT_EQ(file.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(file.status().message()), HasSubstr("none.safetensors"));
}

}  // namespace
}  // namespace rerankd
