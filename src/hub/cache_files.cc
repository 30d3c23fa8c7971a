#include "hub/cache_files.h"

#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <system_error>

#include "util/file.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

// A name beside `path` that nobody else uses. huggingface_hub ignores it, should it be left behind.
std::filesystem::path Temporary(const std::filesystem::path& path) {
  static std::atomic<uint64_t> number = 0;
  std::filesystem::path temporary = path;
  temporary += fmt::format(".{}-{}.tmp", getpid(), number.fetch_add(1));
  return temporary;
}

absl::Status Rename(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  if (!error) return absl::OkStatus();
  std::error_code ignored;
  std::filesystem::remove(from, ignored);
  return CacheError(to, "cannot be written", error.value());
}

std::string Megabytes(uint64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

}  // namespace

absl::Status CacheError(const std::filesystem::path& path, std::string_view what, int error) {
  const std::string reason = std::generic_category().message(error);
  if (error == ENOSPC || error == EDQUOT) {
    return absl::ResourceExhaustedError(fmt::format(
        "{}: {}: the disk is full ({}); free some space, or set HF_HUB_CACHE to a folder on a "
        "larger one",
        path.string(), what, reason));
  }
  return absl::FailedPreconditionError(fmt::format(
      "{}: {} ({}); let the cache be writable, set HF_HUB_CACHE to a folder that is, or fill "
      "it beforehand with \"rerankctl pull\"",
      path.string(), what, reason));
}

absl::Status MakeFolder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  return error ? CacheError(folder, "cannot be made", error.value()) : absl::OkStatus();
}

absl::Status WriteWhole(const std::filesystem::path& path, std::string_view content) {
  constexpr size_t kMaxBytes = 4096;
  if (const auto there = ReadFile(path, kMaxBytes); there.ok() && *there == content) {
    return absl::OkStatus();
  }
  RERANKD_RETURN_IF_ERROR(MakeFolder(path.parent_path()));
  const std::filesystem::path temporary = Temporary(path);
  errno = 0;
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  file << content;
  file.close();
  if (!file) {
    const int error = errno;
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    return CacheError(path, "cannot be written", error);
  }
  return Rename(temporary, path);
}

absl::Status MakeLink(const std::filesystem::path& target, const std::filesystem::path& path) {
  RERANKD_RETURN_IF_ERROR(MakeFolder(path.parent_path()));
  const std::filesystem::path temporary = Temporary(path);
  std::error_code error;
  std::filesystem::create_symlink(target, temporary, error);
  if (error) return CacheError(path, "cannot be made a symbolic link", error.value());
  return Rename(temporary, path);
}

absl::Status CheckSpace(const std::filesystem::path& folder, uint64_t bytes) {
  struct statvfs disk{};
  // Whether a file system can tell or not is no reason to fail: a full disk is noticed later, too.
  if (statvfs(folder.c_str(), &disk) != 0) return absl::OkStatus();
  const uint64_t free = uint64_t{disk.f_bavail} * disk.f_frsize;
  if (free >= bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      fmt::format("{}: the disk has {} free and the download needs {}; free some space, or set "
                  "HF_HUB_CACHE to a folder on a larger one",
                  folder.string(), Megabytes(free), Megabytes(bytes)));
}

}  // namespace rerankd
