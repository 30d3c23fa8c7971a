// How settings name what a model computes on.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"

namespace rerankd {

struct DeviceName {
  bool is_gpu = false;
  int index = 0;  // of the GPU

  bool operator==(const DeviceName&) const = default;
};

// "cpu", "cuda" (the first GPU) or "cuda:N" with N up to 127, the largest that LibTorch has a
// number for. INVALID_ARGUMENT says what would be right, in words that follow the name of the
// setting.
absl::StatusOr<DeviceName> ParseDeviceName(std::string_view name);

}  // namespace rerankd
