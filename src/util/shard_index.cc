#include "util/shard_index.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "util/json.h"
#include "util/refused.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

// Far beyond any published checkpoint; each is a mapping of its own.
constexpr size_t kMaxShards = 1024;

// A name that cannot lead out of its folder.
bool IsPlainFileName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

// "total_size", which some writers give as 123.0.
absl::StatusOr<std::optional<uint64_t>> TotalSize(const nlohmann::json& metadata,
                                                  std::string_view origin) {
  constexpr double kMaxExact = 9007199254740992;  // up to here each whole number is a double
  const std::string where = fmt::format("{}: \"metadata\"", origin);
  const nlohmann::json* const value = FindJson(metadata, "total_size");
  if (value == nullptr) return std::nullopt;
  int64_t total = -1;
  if (value->is_number_float()) {
    const auto number = value->get<double>();
    if (number >= 0 && number <= kMaxExact && std::trunc(number) == number) {
      total = static_cast<int64_t>(number);
    }
  } else {
    RERANKD_ASSIGN_OR_RETURN(const std::optional<int64_t> number,
                             JsonInt(metadata, "total_size", where));
    total = *number;
  }
  if (total < 0) {
    return Refused(where, "\"total_size\" is {}; it must be a number of bytes",
                   JsonExcerpt(*value));
  }
  return static_cast<uint64_t>(total);
}

}  // namespace

absl::StatusOr<ShardIndex> ParseShardIndex(std::string_view text, std::string_view origin) {
  if (text.size() > kMaxShardIndexBytes) {
    return Refused(origin, "has {} bytes; it must have at most {}", text.size(),
                   kMaxShardIndexBytes);
  }
  constexpr size_t kMaxDepth = 3;  // the index, "metadata", what somebody may keep there
  RERANKD_ASSIGN_OR_RETURN(const nlohmann::json root, ParseStrictJson(text, origin, kMaxDepth));
  if (!root.is_object()) return Refused(origin, "the top level must be a JSON object");
  const auto map = root.find("weight_map");
  if (map == root.end() || !map->is_object() || map->empty()) {
    return Refused(origin, "\"weight_map\" must be an object that maps tensors to files");
  }
  ShardIndex index;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string()) {
      return Refused(origin, "\"weight_map\" maps {} to {}; it must be the name of a file",
                     JsonExcerpt(tensor), JsonExcerpt(file));
    }
    const auto& name = file.get_ref<const std::string&>();
    if (!IsPlainFileName(name) || !name.ends_with(".safetensors")) {
      return Refused(origin,
                     "\"weight_map\" maps {} to {}; it must be a file in the same folder, whose "
                     "name ends in .safetensors",
                     JsonExcerpt(tensor), JsonExcerpt(file));
    }
    index.shards[name].push_back(tensor);
    if (index.shards.size() > kMaxShards) {
      return Refused(origin, "\"weight_map\" names more than {} files", kMaxShards);
    }
  }
  const auto metadata = root.find("metadata");
  if (metadata == root.end() || metadata->is_null()) return index;
  if (!metadata->is_object()) {
    return Refused(origin, "\"metadata\" is {}; it must be an object", JsonExcerpt(*metadata));
  }
  RERANKD_ASSIGN_OR_RETURN(index.total_size, TotalSize(*metadata, origin));
  return index;
}

}  // namespace rerankd
