#include "util/device_name.h"

#include <charconv>
#include <system_error>

namespace rerankd {

absl::StatusOr<DeviceName> ParseDeviceName(std::string_view name) {
  constexpr std::string_view kPrefix = "cuda:";
  constexpr int kLast = 127;
  if (name == "cpu") return DeviceName{};
  if (name == "cuda") return DeviceName{.is_gpu = true};
  if (name.starts_with(kPrefix)) {
    const std::string_view digits = name.substr(kPrefix.size());
    int index = -1;
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), index);
    if (error == std::errc() && end == digits.end() && index >= 0 && index <= kLast) {
      return DeviceName{.is_gpu = true, .index = index};
    }
  }
  return absl::InvalidArgumentError("must be cpu, cuda (the first GPU) or cuda:N");
}

}  // namespace rerankd
