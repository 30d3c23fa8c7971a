// The one line that says why a file is not used.
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "absl/status/status.h"

namespace rerankd {

// FAILED_PRECONDITION: `origin` (a file), and what is wrong with it and would be right.
template <typename... Args>
absl::Status Refused(std::string_view origin, fmt::format_string<Args...> format, Args&&... args) {
  return absl::FailedPreconditionError(
      fmt::format("{}: {}", origin, fmt::format(format, std::forward<Args>(args)...)));
}

}  // namespace rerankd
