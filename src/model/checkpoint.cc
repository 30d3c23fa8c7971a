#include "model/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

#include "util/file.h"
#include "util/json.h"
#include "util/pickle_advice.h"
#include "util/refused.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

constexpr char kSingleFile[] = "model.safetensors";
constexpr char kIndexFile[] = "model.safetensors.index.json";

// Nothing of what the folder needs is there: names what may be there in its place.
absl::Status NoWeights(const std::filesystem::path& folder) {
  for (const char* name : {"pytorch_model.bin", "pytorch_model.bin.index.json"}) {
    std::error_code ignored;
    if (!std::filesystem::exists(folder / name, ignored)) continue;
    return Refused((folder / name).string(), "is {}, which writes {}",
                   PickleAdvice(folder.string(), folder.string()), kSingleFile);
  }
  return absl::NotFoundError(fmt::format("{}: there is no such file, nor {} beside it",
                                         (folder / kSingleFile).string(), kIndexFile));
}

}  // namespace

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
  const absl::StatusOr<std::string> text = ReadFile(index_path, kMaxShardIndexBytes);
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
