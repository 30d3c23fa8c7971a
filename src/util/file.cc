#include "util/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "util/status_macros.h"

namespace rerankd {
namespace {

// Closes a descriptor at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

absl::Status FileError(const std::filesystem::path& path, const char* what, int error) {
  std::string message =
      fmt::format("{}: {}: {}", path.string(), what, std::generic_category().message(error));
  if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(message);
  return absl::FailedPreconditionError(message);
}

absl::StatusOr<FileIdentity> IdentityOf(const struct stat& info,
                                        const std::filesystem::path& path) {
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(fmt::format("{}: not a regular file", path.string()));
  }
  return FileIdentity{
      .device = info.st_dev,
      .inode = info.st_ino,
      .size = static_cast<uint64_t>(info.st_size),
      .modified_ns = int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec};
}

// What `fd`, just opened, is; refuses what is not a regular file.
absl::StatusOr<FileIdentity> RegularFile(const Descriptor& fd, const std::filesystem::path& path) {
  if (fd.get() < 0) return FileError(path, "cannot open", errno);
  struct stat info{};
  if (fstat(fd.get(), &info) != 0) return FileError(path, "cannot stat", errno);
  return IdentityOf(info, path);
}

}  // namespace

absl::StatusOr<FileIdentity> IdentifyFile(const std::filesystem::path& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) return FileError(path, "cannot stat", errno);
  return IdentityOf(info, path);
}

absl::StatusOr<std::string> ReadFile(const std::filesystem::path& path, size_t max_bytes) {
  Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  RERANKD_ASSIGN_OR_RETURN(const FileIdentity file, RegularFile(fd, path));
  const size_t size = file.size;
  if (size > max_bytes) {
    return absl::FailedPreconditionError(
        fmt::format("{}: {} bytes, more than the {} that such a file may have", path.string(), size,
                    max_bytes));
  }
  std::string content(size, '\0');
  size_t done = 0;
  while (done < size) {
    ssize_t n = read(fd.get(), content.data() + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FileError(path, "cannot read", errno);
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  content.resize(done);
  return content;
}

absl::StatusOr<MappedFile> MappedFile::Open(const std::filesystem::path& path) {
  Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  RERANKD_ASSIGN_OR_RETURN(const FileIdentity identity, RegularFile(fd, path));
  const size_t size = identity.size;
  if (size == 0) {
    return absl::FailedPreconditionError(fmt::format("{}: the file is empty", path.string()));
  }
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (data == MAP_FAILED) return FileError(path, "cannot map", errno);
  return MappedFile(static_cast<const std::byte*>(data), size, identity);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      identity_(other.identity_) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(identity_, other.identity_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_);
}

void DropPages(std::span<const std::byte> bytes) {
  // Whole pages: the neighbours on the first and last one are read again like the rest.
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<uintptr_t>(bytes.data());
  const uintptr_t begin = address / page * page;
  // Only advice: when the kernel declines, the pages stay and nothing else changes.
  madvise(reinterpret_cast<void*>(begin),  // NOLINT(performance-no-int-to-ptr)
          address + bytes.size() - begin, MADV_DONTNEED);
}

}  // namespace rerankd
