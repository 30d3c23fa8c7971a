// model.safetensors.index.json: in which file of the same folder each tensor is. Whoever fetches a
// model and whoever loads it accept the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace rerankd {

// How large such a file may be.
inline constexpr size_t kMaxShardIndexBytes = size_t{16} << 20;

struct ShardIndex {
  std::map<std::string, std::vector<std::string>, std::less<>> shards;  // file → its tensors
  std::optional<uint64_t> total_size;  // bytes of all tensors, where the index says so
};

// `text` as such an index, read as hostile: every file is a plain name ending in ".safetensors", no
// tensor is named twice. FAILED_PRECONDITION names `origin`, what was wrong and what would be
// right.
absl::StatusOr<ShardIndex> ParseShardIndex(std::string_view text, std::string_view origin);

}  // namespace rerankd
