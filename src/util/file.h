// Files as untrusted input: every failure is a status that names the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace rerankd {

// Reads a whole regular file. NOT_FOUND when it is missing, FAILED_PRECONDITION when it cannot be
// read or is larger than `max_bytes`.
absl::StatusOr<std::string> ReadFile(const std::filesystem::path& path,
                                     size_t max_bytes = size_t{256} << 20);

// Which file, and which state of it: equal identities are equal bytes, as far as a file system can
// tell without reading them. While a file is open or mapped no other one gets its identity.
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;
  int64_t modified_ns = 0;  // since the epoch

  bool operator==(const FileIdentity&) const = default;
};

// The identity of a regular file, symbolic links followed. Errors as of ReadFile().
absl::StatusOr<FileIdentity> IdentifyFile(const std::filesystem::path& path);

// A read-only memory map of a whole file. Movable; safe for concurrent reads. The mapped pages stay
// the kernel's to drop, so a large weights file costs memory only where it is read.
class MappedFile {
 public:
  static absl::StatusOr<MappedFile> Open(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const FileIdentity& identity() const { return identity_; }

 private:
  MappedFile(const std::byte* data, size_t size, FileIdentity identity)
      : data_(data), size_(size), identity_(identity) {}
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  FileIdentity identity_;
};

// Gives the resident pages that hold `bytes`, a part of a MappedFile, back to the kernel; what is
// read again comes from its page cache.
void DropPages(std::span<const std::byte> bytes);

}  // namespace rerankd
