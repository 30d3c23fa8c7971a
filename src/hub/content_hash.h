// What a hub says a file's bytes hash to.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace rerankd {

// The hash of the file at `path` in the form of `etag`: SHA-256 where that has 64 digits, else
// git's SHA-1 of a blob. Reads the file in pieces; CANCELLED by `stop`.
absl::StatusOr<std::string> HashLike(std::string_view etag, const std::filesystem::path& path,
                                     const std::stop_token& stop);

}  // namespace rerankd
