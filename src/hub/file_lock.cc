#include "hub/file_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "hub/cache_files.h"
#include "hub/pause.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

constexpr std::chrono::milliseconds kPollInterval{100};

absl::StatusOr<int> OpenLockFile(const std::filesystem::path& path) {
  constexpr int kFlags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  // Whoever shares the cache through its group may wait, too, as with huggingface_hub.
  constexpr mode_t kMode = 0664;
  int fd = open(path.c_str(), kFlags | O_CREAT | O_EXCL, kMode);
  if (fd >= 0) {
    (void)fchmod(fd, kMode);
    return fd;
  }
  if (errno == EEXIST) fd = open(path.c_str(), kFlags);
  if (fd < 0) return CacheError(path, "cannot be opened", errno);
  return fd;
}

// Whether the locked file is still the one at its path: another program may have removed it.
bool StillThere(int fd) {
  struct stat info{};
  return fstat(fd, &info) == 0 && info.st_nlink > 0;
}

}  // namespace

absl::StatusOr<FileLock> FileLock::Acquire(const std::filesystem::path& path,
                                           const std::function<void()>& on_wait,
                                           const std::stop_token& stop) {
  RERANKD_RETURN_IF_ERROR(MakeFolder(path.parent_path()));
  bool waited = false;
  while (!stop.stop_requested()) {
    RERANKD_ASSIGN_OR_RETURN(const int fd, OpenLockFile(path));
    FileLock lock(fd);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
      if (StillThere(fd)) return lock;
      continue;
    }
    if (errno != EWOULDBLOCK && errno != EACCES && errno != EINTR) {
      return CacheError(path, "cannot be locked", errno);
    }
    if (!std::exchange(waited, true)) on_wait();
    Pause(kPollInterval, stop);
  }
  return absl::CancelledError("cancelled");
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace rerankd
