// Where and in which arithmetic a model computes.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rerankd {

// Where a network's weights are, and with which operators it computes.
struct Placement {
  c10::Device device = c10::kCPU;
  // LibTorch's general operators, which every device has; else those that only a processor has:
  // oneDNN's products and this layer's attention. Tests compare the two on the processor.
  bool general_operators = false;
};

// A name as of ParseDeviceName(). INVALID_ARGUMENT for others.
absl::StatusOr<c10::Device> ParseDevice(std::string_view name);

// Loads what LibTorch needs for the device, once a process, and checks that the device is there.
// FAILED_PRECONDITION says what is missing (LibTorch's CUDA libraries, a driver, a GPU of that
// number) and what to do. Call it before anything else touches the device. Thread-safe.
absl::Status PrepareDevice(c10::Device device);

// Gives the calling thread a stream of its own on a GPU, for all that it computes from now on, so
// that it waits for nobody else's work. Does nothing for a processor.
// REQUIRES: PrepareDevice(device) was OK.
void UseOwnStream(c10::Device device);

// Gives memory back to the GPU that LibTorch keeps for later tensors. Does nothing for a processor.
// REQUIRES: PrepareDevice(device) was OK.
void ReleaseUnusedMemory(c10::Device device);

// "fp32" or "bf16", the arithmetic of the large products. INVALID_ARGUMENT for other names.
absl::StatusOr<c10::ScalarType> ParsePrecision(std::string_view name);

}  // namespace rerankd
