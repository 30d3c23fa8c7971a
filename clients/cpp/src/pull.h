// Fetching a model from a hub, as a person at a terminal sees it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "hub/hub_options.h"
#include "hub/model_id.h"

namespace rerankd::client {

struct PullArguments {
  std::string model;
  std::string revision = "main";
  std::string endpoint;   // empty: the environment's
  std::string cache_dir;  // empty: the environment's
  bool quiet = false;
};

// The environment's options with what the arguments override.
absl::StatusOr<HubOptions> PullOptions(const PullArguments& arguments);

// ModelHub::Resolve() with its progress on stderr: a bar of `columns` on a terminal, a line now and
// then elsewhere, nothing when `quiet`.
absl::StatusOr<std::filesystem::path> Pull(const ModelId& id, HubOptions options, bool quiet,
                                           size_t columns);

}  // namespace rerankd::client
