// Where and in which arithmetic a model computes.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <string_view>

#include "absl/status/statusor.h"

namespace rerankd {

// "cpu". INVALID_ARGUMENT for "cuda:N", which this build cannot serve on, and for unknown names.
absl::StatusOr<c10::Device> ParseDevice(std::string_view name);

// "fp32" or "bf16", the arithmetic of the large products. INVALID_ARGUMENT for other names.
absl::StatusOr<c10::ScalarType> ParsePrecision(std::string_view name);

}  // namespace rerankd
