// A lock between processes: flock() on a file, which is how Python's filelock (and so
// huggingface_hub) locks. Also excludes the threads of one process.
#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>

#include "absl/status/statusor.h"

namespace rerankd {

class FileLock {
 public:
  // Makes the file, and its folder, where they are missing; the file stays afterwards, since
  // removing it would let two waiters hold "the same" lock. While another holds it, calls `on_wait`
  // once and looks again ten times a second. CANCELLED by `stop`; FAILED_PRECONDITION when the file
  // cannot be made or the file system has no such locks.
  static absl::StatusOr<FileLock> Acquire(const std::filesystem::path& path,
                                          const std::function<void()>& on_wait,
                                          const std::stop_token& stop);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) = delete;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace rerankd
