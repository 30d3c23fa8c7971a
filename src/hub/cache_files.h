// Changes to the cache on disk. Each failure is a status that names the path and, for a full disk
// or a cache that cannot be written, says what to do.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rerankd {

// RESOURCE_EXHAUSTED for a full disk, else FAILED_PRECONDITION. `error` is an errno.
absl::Status CacheError(const std::filesystem::path& path, std::string_view what, int error);

// Makes a folder and those above it.
absl::Status MakeFolder(const std::filesystem::path& folder);

// Lets `path` hold `content`, in one step; readers see the old or the new, whole. Does nothing
// where it holds it already.
absl::Status WriteWhole(const std::filesystem::path& path, std::string_view content);

// Lets `path` be a symbolic link to `target`, in one step.
absl::Status MakeLink(const std::filesystem::path& target, const std::filesystem::path& path);

// Refuses to begin what cannot end: RESOURCE_EXHAUSTED unless the disk of `folder` has `bytes`
// free.
absl::Status CheckSpace(const std::filesystem::path& folder, uint64_t bytes);

}  // namespace rerankd
