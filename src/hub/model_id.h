// How a model is named at a hub.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace rerankd {

// A model id and a revision that have been checked: both are safe in a path and in a URL.
struct ModelId {
  std::string repo;               // "org/name" or "name"
  std::string revision = "main";  // a branch, a tag or a commit
};

// Checks both by huggingface_hub's own rules. An empty revision is "main". INVALID_ARGUMENT says
// what is wrong.
absl::StatusOr<ModelId> MakeModelId(std::string_view repo, std::string_view revision = "");

// Whether `revision` is a whole commit id, which always names the same files.
bool IsCommit(std::string_view revision);

// "org/name", with "@revision" where that is not main.
std::string ToString(const ModelId& id);

}  // namespace rerankd
