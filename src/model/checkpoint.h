// The weights of a model folder: one safetensors file, or several under an index. No LibTorch here.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "model/safetensors.h"
#include "util/shard_index.h"

namespace rerankd {

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
