#include "hub/cache_layout.h"

#include <algorithm>

namespace rerankd {
namespace {

constexpr size_t kMaxPathBytes = 1024;
constexpr size_t kMaxNameBytes = 255;

std::string FolderName(const ModelId& id) {
  std::string name = "models--" + id.repo;
  if (const size_t slash = name.find('/'); slash != std::string::npos) name.replace(slash, 1, "--");
  return name;
}

}  // namespace

CacheLayout::CacheLayout(const std::filesystem::path& cache_dir, const ModelId& id)
    : folder_(cache_dir / FolderName(id)),
      locks_(cache_dir / ".locks" / FolderName(id)),
      ref_(folder_ / "refs" / id.revision) {}

std::filesystem::path CacheLayout::Incomplete(std::string_view etag) const {
  return Blob(etag) += ".incomplete";
}

std::filesystem::path CacheLayout::Lock(std::string_view etag) const {
  return (locks_ / etag) += ".lock";
}

std::filesystem::path CacheLayout::LinkTarget(std::string_view file, std::string_view etag) {
  std::filesystem::path target = "../..";
  for (auto n = std::ranges::count(file, '/'); n > 0; --n) target /= "..";
  return target / "blobs" / etag;
}

bool IsSafeRepoPath(std::string_view path) {
  if (path.empty() || path.size() > kMaxPathBytes) return false;
  if (std::ranges::any_of(path, [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '\\';
      })) {
    return false;
  }
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == ".." || part.size() > kMaxNameBytes) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace rerankd
