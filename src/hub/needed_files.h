// Which of a model's files a server reads.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace rerankd {

// The content of one of the model's files.
using ReadRepoFile = std::function<absl::StatusOr<std::string>(const std::string& file)>;

// The files to have, in the order of `files`: configuration, tokenizer, and weights
// (model.safetensors, else what model.safetensors.index.json names), of the model itself and of
// each folder that modules.json names. Asks `read` for these two files alone. FAILED_PRECONDITION
// says what a model without usable weights has instead and how to convert it, or what is wrong with
// one of the two. REQUIRES: each of `files` has passed IsSafeRepoPath().
absl::StatusOr<std::vector<std::string>> NeededFiles(std::span<const std::string> files,
                                                     const std::string& repo,
                                                     const ReadRepoFile& read);

// The files of the model's own folder that NeededFiles() takes where they exist.
std::span<const std::string_view> WellKnownFiles();

}  // namespace rerankd
