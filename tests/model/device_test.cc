#include "model/device.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <string>

namespace rerankd {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

template <typename T>
std::string ErrorOf(const absl::StatusOr<T>& result) {
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(result.status().message());
}

TEST(DeviceTest, KnowsProcessorAndGpus) {
  EXPECT_EQ(ParseDevice("cpu").value(), c10::Device(c10::kCPU));
  EXPECT_EQ(ParseDevice("cuda").value(), c10::Device(c10::kCUDA, 0));
  EXPECT_EQ(ParseDevice("cuda:3").value(), c10::Device(c10::kCUDA, 3));
}

TEST(DeviceTest, NamesWhatItDoesNotKnow) {
  for (const char* name : {"", "CPU", "cudafoo", "mps"}) {
    EXPECT_THAT(ErrorOf(ParseDevice(name)),
                AllOf(HasSubstr("device \"" + std::string(name) + "\""), HasSubstr("cuda:N")));
  }
}

TEST(DeviceTest, TheProcessorIsReady) { EXPECT_TRUE(PrepareDevice(c10::Device(c10::kCPU)).ok()); }

// Whatever this machine has: the library may be missing, the driver, or so many GPUs.
TEST(DeviceTest, SaysWhatIsMissingForAGpu) {
  const absl::Status status = PrepareDevice(c10::Device(c10::kCUDA, 127));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("device \"cuda:127\""),
                    AnyOf(HasSubstr("tools/setup.sh --cuda"), HasSubstr("nvidia-smi"),
                          HasSubstr("GPUs are visible"))));
}

// LibTorch's choice of attention asks for it; the library that has the answer is loaded only then,
// and where it is missing the process is ended.
TEST(DeviceTest, CudnnKnowsItsVersionWhereCudaIs) {
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    GTEST_SKIP() << "LibTorch's CUDA libraries are not here; tools/setup.sh --cuda brings them";
  }
  const auto version = reinterpret_cast<size_t (*)()>(dlsym(RTLD_DEFAULT, "cudnnGetVersion"));
  ASSERT_NE(version, nullptr);
  EXPECT_EXIT(_exit(version() > 90000 ? 0 : 1), testing::ExitedWithCode(0), "");
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
