// Where huggingface_hub keeps a model, so that its caches and ours are the same:
//
//   CACHE/.locks/models--org--name/ETAG.lock         held (flock) while the blob is being made
//   CACHE/models--org--name/blobs/ETAG               a file's bytes; .incomplete until it is whole
//   CACHE/models--org--name/refs/REVISION            holds the commit that a branch or tag stood
//   for CACHE/models--org--name/snapshots/COMMIT/FILE    a relative link to its blob
//   CACHE/models--org--name/.no_exist/COMMIT/FILE    empty: the model has no such file
//
// Paths only; nothing here touches a disk.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "hub/model_id.h"

namespace rerankd {

class CacheLayout {
 public:
  CacheLayout(const std::filesystem::path& cache_dir, const ModelId& id);

  // REQUIRES, of all of these: `etag` and `commit` are hexadecimal, `file` has passed
  // IsSafeRepoPath().
  const std::filesystem::path& Folder() const { return folder_; }
  std::filesystem::path Blob(std::string_view etag) const { return folder_ / "blobs" / etag; }
  std::filesystem::path Incomplete(std::string_view etag) const;
  std::filesystem::path Lock(std::string_view etag) const;
  const std::filesystem::path& Ref() const { return ref_; }
  std::filesystem::path Snapshot(std::string_view commit) const {
    return folder_ / "snapshots" / commit;
  }
  std::filesystem::path NoExist(std::string_view commit, std::string_view file) const {
    return folder_ / ".no_exist" / commit / file;
  }
  // What the link at Snapshot(commit) / file says.
  static std::filesystem::path LinkTarget(std::string_view file, std::string_view etag);

 private:
  std::filesystem::path folder_;
  std::filesystem::path locks_;
  std::filesystem::path ref_;
};

// Whether a file's path, as a hub names it, stays below the folder it is joined to: relative, no
// "." or "..", no empty part, no backslash, no control character, at most 1 KiB.
bool IsSafeRepoPath(std::string_view path);

}  // namespace rerankd
