#include "util/device_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace rerankd {
namespace {

using ::testing::HasSubstr;

TEST(DeviceNameTest, NamesTheProcessorAndGpus) {
  EXPECT_EQ(ParseDeviceName("cpu").value(), DeviceName{});
  EXPECT_EQ(ParseDeviceName("cuda").value(), (DeviceName{.is_gpu = true, .index = 0}));
  EXPECT_EQ(ParseDeviceName("cuda:0").value(), (DeviceName{.is_gpu = true, .index = 0}));
  EXPECT_EQ(ParseDeviceName("cuda:127").value(), (DeviceName{.is_gpu = true, .index = 127}));
}

TEST(DeviceNameTest, RefusesAnythingElse) {
  for (const char* name : {"", "CPU", "gpu", "cudafoo", "cuda:", "cuda:x", "cuda:-1", "cuda:+1",
                           "cuda:1x", "cuda: 1", "cuda:128", "cuda:99999999999", "mps"}) {
    const auto device = ParseDeviceName(name);
    ASSERT_FALSE(device.ok()) << name;
    EXPECT_EQ(device.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(device.status().message()), HasSubstr("cpu, cuda (the first GPU)"));
  }
}

}  // namespace
}  // namespace rerankd
