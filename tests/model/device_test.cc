#include "model/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace rerankd {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

template <typename T>
std::string ErrorOf(const absl::StatusOr<T>& result) {
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(result.status().message());
}

TEST(DeviceTest, KnowsTheCpu) {
  const auto device = ParseDevice("cpu");
  ASSERT_TRUE(device.ok()) << device.status();
  EXPECT_TRUE(device->is_cpu());
}

TEST(DeviceTest, SaysWhyItRefuses) {
  for (const char* name : {"cuda", "cuda:0", "cuda:x"}) {
    EXPECT_THAT(ErrorOf(ParseDevice(name)), AllOf(HasSubstr(name), HasSubstr("on the CPU only")));
  }
  for (const char* name : {"", "CPU", "cudafoo", "mps"}) {
    EXPECT_THAT(ErrorOf(ParseDevice(name)), HasSubstr("is unknown; the known one is \"cpu\""));
  }
}

TEST(DeviceTest, KnowsPrecisions) {
  EXPECT_EQ(ParsePrecision("fp32").value(), c10::kFloat);
  EXPECT_EQ(ParsePrecision("bf16").value(), c10::kBFloat16);
  for (const char* name : {"", "fp16", "int8", "FP32"}) {
    EXPECT_THAT(ErrorOf(ParsePrecision(name)), HasSubstr("known: \"fp32\", \"bf16\""));
  }
}

}  // namespace
}  // namespace rerankd
