// The safetensors container, read as hostile bytes: an 8-byte little-endian header length, a JSON
// header that gives each tensor's type, shape and byte range, then the data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "util/file.h"

namespace rerankd {

enum class DType { kBool, kU8, kI8, kU16, kI16, kU32, kI32, kU64, kI64, kF16, kBF16, kF32, kF64 };

// As the format spells it, for example "BF16".
std::string_view DTypeName(DType dtype);
// Bytes an element.
size_t DTypeSize(DType dtype);

// One tensor in the file's own bytes, row-major, aligned to its element size.
struct TensorView {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;  // no negative dimension
  std::span<const std::byte> bytes;
};

using TensorMap = std::map<std::string, TensorView, std::less<>>;

// Reads the header of `file` and checks every claim of it against the bytes that are there. The
// views point into `file`. FAILED_PRECONDITION names `origin`, the tensor, what was wrong and what
// would be right. Memory is bounded by a small multiple of the header's length, at most 16 MiB.
absl::StatusOr<TensorMap> ParseSafetensors(std::span<const std::byte> file,
                                           std::string_view origin);

// A mapped safetensors file. Immutable, safe for concurrent use. Movable; the views stay valid as
// long as the object that holds the map lives. Replacing the file by rename is safe at any time;
// truncating it in place while it is mapped is not (the kernel then stops the process).
class SafetensorsFile {
 public:
  static absl::StatusOr<SafetensorsFile> Open(const std::filesystem::path& path);

  const std::string& origin() const { return origin_; }
  const TensorMap& tensors() const { return tensors_; }

  std::span<const std::byte> bytes() const { return file_.bytes(); }
  const FileIdentity& identity() const { return file_.identity(); }

 private:
  SafetensorsFile(std::string origin, MappedFile file, TensorMap tensors);

  std::string origin_;
  MappedFile file_;
  TensorMap tensors_;
};

}  // namespace rerankd
