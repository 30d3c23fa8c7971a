#include "model/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <utility>

#include "util/file.h"
#include "util/json.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

constexpr char kSingleFile[] = "model.safetensors";
constexpr char kIndexFile[] = "model.safetensors.index.json";
// Far beyond any published checkpoint; each is a mapping of its own.
constexpr size_t kMaxShards = 1024;
constexpr size_t kMaxIndexBytes = size_t{16} << 20;

template <typename... Args>
absl::Status Refused(std::string_view origin, fmt::format_string<Args...> format, Args&&... args) {
  return absl::FailedPreconditionError(
      fmt::format("{}: {}", origin, fmt::format(format, std::forward<Args>(args)...)));
}

// A name that cannot lead out of its folder.
bool IsPlainFileName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

// Nothing of what the folder needs is there: names what may be there in its place.
absl::Status NoWeights(const std::filesystem::path& folder) {
  for (const char* name : {"pytorch_model.bin", "pytorch_model.bin.index.json"}) {
    std::error_code ignored;
    if (!std::filesystem::exists(folder / name, ignored)) continue;
    return Refused(
        (folder / name).string(),
        "weights in this format are a Python pickle, which can run any code when it is read, so "
        "it is never read here; where you trust it, convert it once: python -c \"import "
        "transformers as t; t.AutoModelForSequenceClassification.from_pretrained('{0}')"
        ".save_pretrained('{0}')\" (AutoModel for a bi_encoder), which writes {1}",
        folder.string(), kSingleFile);
  }
  return absl::NotFoundError(fmt::format("{}: there is no such file, nor {} beside it",
                                         (folder / kSingleFile).string(), kIndexFile));
}

}  // namespace

absl::StatusOr<ShardIndex> ParseShardIndex(std::string_view text, std::string_view origin) {
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
  RERANKD_ASSIGN_OR_RETURN(
      const std::optional<int64_t> total,
      JsonInt(*metadata, "total_size", fmt::format("{}: \"metadata\"", origin)));
  if (total && *total < 0) {
    return Refused(origin, "\"metadata\": \"total_size\" is {}; it must be a number of bytes",
                   *total);
  }
  if (total) index.total_size = static_cast<uint64_t>(*total);
  return index;
}

absl::Status CheckShard(const ShardIndex& index, std::string_view index_origin,
                        std::string_view shard, const TensorMap& tensors) {
  const auto named = index.shards.find(shard);
  std::set<std::string_view> wanted;
  if (named != index.shards.end()) wanted.insert(named->second.begin(), named->second.end());
  for (const std::string_view tensor : wanted) {
    if (tensors.contains(tensor)) continue;
    return Refused(index_origin, "maps tensor {} to {}, which does not have it",
                   JsonExcerpt(tensor), shard);
  }
  for (const auto& [tensor, view] : tensors) {
    if (wanted.contains(tensor)) continue;
    return Refused(index_origin, "does not map tensor {} to {}, which has it", JsonExcerpt(tensor),
                   shard);
  }
  return absl::OkStatus();
}

absl::StatusOr<Checkpoint> Checkpoint::Open(const std::filesystem::path& folder) {
  absl::StatusOr<Checkpoint> single = OpenFile(folder / kSingleFile);
  if (!absl::IsNotFound(single.status())) return single;
  const std::filesystem::path index_path = folder / kIndexFile;
  const absl::StatusOr<std::string> text = ReadFile(index_path, kMaxIndexBytes);
  if (absl::IsNotFound(text.status())) return NoWeights(folder);
  RERANKD_RETURN_IF_ERROR(text.status());
  return OpenShards(index_path, *text);
}

absl::StatusOr<Checkpoint> Checkpoint::OpenFile(const std::filesystem::path& path) {
  RERANKD_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::Open(path));
  std::vector<SafetensorsFile> files;
  files.push_back(std::move(file));
  return Checkpoint(path.string(), std::move(files));
}

absl::StatusOr<Checkpoint> Checkpoint::OpenShards(const std::filesystem::path& index_path,
                                                  const std::string& index_text) {
  const std::string origin = index_path.string();
  RERANKD_ASSIGN_OR_RETURN(const ShardIndex index, ParseShardIndex(index_text, origin));
  std::vector<SafetensorsFile> files;
  uint64_t total = 0;
  for (const auto& [name, tensors] : index.shards) {
    absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(index_path.parent_path() / name);
    if (absl::IsNotFound(file.status())) {
      return absl::NotFoundError(
          fmt::format("{}, which {} names", std::string(file.status().message()), kIndexFile));
    }
    RERANKD_RETURN_IF_ERROR(file.status());
    RERANKD_RETURN_IF_ERROR(CheckShard(index, origin, name, file->tensors()));
    for (const auto& [tensor, view] : file->tensors()) total += view.bytes.size();
    files.push_back(*std::move(file));
  }
  if (index.total_size && *index.total_size != total) {
    return Refused(origin,
                   "\"metadata\": \"total_size\" is {}, but the tensors of its files have {} "
                   "bytes; the files are not of one model",
                   *index.total_size, total);
  }
  return Checkpoint(origin, std::move(files));
}

Checkpoint::Checkpoint(std::string origin, std::vector<SafetensorsFile> files)
    : origin_(std::move(origin)), files_(std::move(files)) {
  for (const SafetensorsFile& file : files_) {
    for (const auto& [name, view] : file.tensors()) {
      tensors_.emplace(name, Tensor{view, file.origin()});
    }
  }
}

std::vector<FileIdentity> Checkpoint::identities() const {
  std::vector<FileIdentity> identities;
  identities.reserve(files_.size());
  for (const SafetensorsFile& file : files_) identities.push_back(file.identity());
  return identities;
}

void Checkpoint::DropAllPages() const {
  for (const SafetensorsFile& file : files_) DropPages(file.bytes());
}

}  // namespace rerankd
