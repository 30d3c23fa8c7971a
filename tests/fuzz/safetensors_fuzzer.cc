// Arbitrary bytes as a safetensors file: refused in one short line that names the file, or every
// view lies inside the file, has the size of its shape, and together they are all of the data.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "model/safetensors.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Aligned as a mapped file is, and exactly as long, for the sanitizer's sake.
  void* memory = std::aligned_alloc(16, (size + 15) / 16 * 16 + 16);
  auto* start = static_cast<std::byte*>(memory);
  if (size > 0) std::memcpy(start, data, size);
  const std::span<const std::byte> file(start, size);
  const auto tensors = rerankd::ParseSafetensors(file, "w.safetensors");
  if (!tensors.ok()) {
    const std::string message(tensors.status().message());
    Require(message.starts_with("w.safetensors: "));
    Require(message.size() < 1000 && message.find('\n') == std::string::npos);
  } else {
    size_t covered = 0;
    for (const auto& [name, view] : *tensors) {
      size_t bytes = rerankd::DTypeSize(view.dtype);
      for (int64_t dimension : view.shape) {
        Require(dimension >= 0);
        bytes *= static_cast<size_t>(dimension);
      }
      Require(view.bytes.size() == bytes);
      Require(view.bytes.data() >= file.data() &&
              view.bytes.data() + view.bytes.size() <= file.data() + file.size());
      Require(reinterpret_cast<uintptr_t>(view.bytes.data()) % rerankd::DTypeSize(view.dtype) == 0);
      covered += bytes;
    }
    uint64_t header = 0;
    std::memcpy(&header, data, sizeof(header));
    Require(covered + sizeof(header) + header == size);
  }
  std::free(memory);
  return 0;
}
