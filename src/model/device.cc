#include "model/device.h"

#include <ATen/Context.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <string>

#include "util/device_name.h"

namespace rerankd {
namespace {

// LibTorch registers a device's operators when its library is loaded. That is done here and not by
// the linker, so that one program serves machines with and without the library (2 GB with what it
// needs); it is never unloaded.
absl::Status LoadCudaLibrary() {
  // RTLD_GLOBAL: the libraries that it loads later look for its symbols.
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    const char* const error = dlerror();
    return absl::FailedPreconditionError(
        fmt::format("LibTorch's CUDA libraries cannot be loaded ({}); use the image that is built "
                    "with DEVICE=cuda, or run tools/setup.sh --cuda, build again and restart",
                    error == nullptr ? "no reason given" : error));
  }
  // cuDNN's attention is one of four that LibTorch chooses from, and all that would need more of
  // cuDNN than its version: half a gigabyte that the image does without.
  at::globalContext().setSDPUseCuDNN(false);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<c10::Device> ParseDevice(std::string_view name) {
  const absl::StatusOr<DeviceName> parsed = ParseDeviceName(name);
  if (!parsed.ok()) {
    return absl::InvalidArgumentError(
        fmt::format("device \"{}\" {}", name, std::string(parsed.status().message())));
  }
  return parsed->is_gpu ? c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(parsed->index))
                        : c10::Device(c10::kCPU);
}

absl::Status PrepareDevice(c10::Device device) {
  if (device.is_cpu()) return absl::OkStatus();
  static const absl::Status loaded = LoadCudaLibrary();
  if (!loaded.ok()) {
    return absl::Status(loaded.code(), fmt::format("device \"{}\": {}", device.str(),
                                                   std::string(loaded.message())));
  }
  const int there = c10::impl::hasDeviceGuardImpl(c10::kCUDA)
                        ? int{c10::impl::getDeviceGuardImpl(c10::kCUDA)->deviceCount()}
                        : 0;
  if (there == 0) {
    return absl::FailedPreconditionError(
        fmt::format("device \"{}\": no GPU is visible here, or its driver is older than CUDA 13 "
                    "asks for (580); give the container one (--gpus, nvidia.com/gpu), check with "
                    "nvidia-smi and restart, or set the device to \"cpu\"",
                    device.str()));
  }
  if (device.index() >= there) {
    return absl::FailedPreconditionError(
        fmt::format("device \"{}\": {} GPUs are visible here, the last one is \"cuda:{}\"",
                    device.str(), there, there - 1));
  }
  return absl::OkStatus();
}

void UseOwnStream(c10::Device device) {
  if (device.is_cpu()) return;
  const c10::impl::DeviceGuardImplInterface* const gpu =
      c10::impl::getDeviceGuardImpl(device.type());
  gpu->exchangeStream(gpu->getStreamFromGlobalPool(device));
}

void ReleaseUnusedMemory(c10::Device device) {
  if (!device.is_cpu()) c10::getDeviceAllocator(device.type())->emptyCache();
}

absl::StatusOr<c10::ScalarType> ParsePrecision(std::string_view name) {
  if (name == "fp32") return c10::kFloat;
  if (name == "bf16") return c10::kBFloat16;
  return absl::InvalidArgumentError(
      fmt::format("precision \"{}\" is unknown; known: \"fp32\", \"bf16\"", name));
}

}  // namespace rerankd
