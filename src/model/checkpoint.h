// The weights of a model folder: one safetensors file, or several under an index. No LibTorch here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "model/safetensors.h"

namespace rerankd {

// model.safetensors.index.json: in which file of the same folder each tensor is.
struct ShardIndex {
  std::map<std::string, std::vector<std::string>, std::less<>> shards;  // file → its tensors
  std::optional<uint64_t> total_size;  // bytes of all tensors, where the index says so
};

// `text` as such an index, read as hostile: every file is a plain name ending in ".safetensors", no
// tensor is named twice. FAILED_PRECONDITION names `origin`, what was wrong and what would be
// right.
absl::StatusOr<ShardIndex> ParseShardIndex(std::string_view text, std::string_view origin);

// What `index` says of the file `shard` against the tensors that are in it: exactly the same.
absl::Status CheckShard(const ShardIndex& index, std::string_view index_origin,
                        std::string_view shard, const TensorMap& tensors);

// The mapped files, and all their tensors as if they were in one. Immutable, safe for concurrent
// use. The views stay valid as long as the object lives.
class Checkpoint {
 public:
  struct Tensor {
    TensorView view;
    std::string_view file;  // where it is, for messages
  };
  using Tensors = std::map<std::string_view, Tensor>;

  // Opens model.safetensors, else the files of model.safetensors.index.json. NOT_FOUND when there
  // is neither; weights in another format are named, with what to do about them.
  static absl::StatusOr<Checkpoint> Open(const std::filesystem::path& folder);
  // Opens one file, whatever its name.
  static absl::StatusOr<Checkpoint> OpenFile(const std::filesystem::path& path);

  // Where a tensor would be looked for: the only file, or the index.
  const std::string& origin() const { return origin_; }
  const Tensors& tensors() const { return tensors_; }

  // Of each file, in the order of their names.
  std::vector<FileIdentity> identities() const;
  // Gives the resident pages of all files back; see rerankd::DropPages().
  void DropAllPages() const;

 private:
  Checkpoint(std::string origin, std::vector<SafetensorsFile> files);
  static absl::StatusOr<Checkpoint> OpenShards(const std::filesystem::path& index_path,
                                               const std::string& index_text);

  std::string origin_;
  std::vector<SafetensorsFile> files_;  // never changes: tensors_ points into it
  Tensors tensors_;
};

}  // namespace rerankd
