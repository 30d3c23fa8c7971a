#include "model/device.h"

#include <fmt/format.h>

namespace rerankd {

absl::StatusOr<c10::Device> ParseDevice(std::string_view name) {
  if (name == "cpu") return c10::Device(c10::kCPU);
  if (name == "cuda" || name.starts_with("cuda:")) {
    return absl::InvalidArgumentError(fmt::format(
        "device \"{}\": this build serves on the CPU only; set the device to \"cpu\"", name));
  }
  return absl::InvalidArgumentError(
      fmt::format("device \"{}\" is unknown; the known one is \"cpu\"", name));
}

absl::StatusOr<c10::ScalarType> ParsePrecision(std::string_view name) {
  if (name == "fp32") return c10::kFloat;
  if (name == "bf16") return c10::kBFloat16;
  return absl::InvalidArgumentError(
      fmt::format("precision \"{}\" is unknown; known: \"fp32\", \"bf16\"", name));
}

}  // namespace rerankd
