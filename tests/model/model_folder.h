// Copies of the golden folders to damage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/safetensors.h"
#include "tests/model/golden.h"
#include "tests/support/temp_dir.h"

namespace rerankd {

struct StoredTensor {
  std::string dtype;
  std::vector<int64_t> shape;
  std::string bytes;
};
using StoredTensors = std::map<std::string, StoredTensor>;

// A safetensors file of a JSON header and data; the header is padded to 8 bytes as the format
// wants.
inline std::string SafetensorsBytes(std::string header, std::string_view data) {
  while (header.size() % 8 != 0) header += ' ';
  const uint64_t length = header.size();
  std::string file(sizeof(length), '\0');
  std::memcpy(file.data(), &length, sizeof(length));
  return file + header + std::string(data);
}

inline std::string SafetensorsBytes(const StoredTensors& tensors) {
  nlohmann::json header = nlohmann::json::object();
  std::string data;
  // Wide elements first keeps every tensor aligned.
  for (const size_t size : {8, 4, 2}) {
    for (const auto& [name, tensor] : tensors) {
      if ((tensor.dtype == "I64"                             ? 8
           : tensor.dtype == "F16" || tensor.dtype == "BF16" ? 2
                                                             : 4) != size) {
        continue;
      }
      header[name] = {{"dtype", tensor.dtype},
                      {"shape", tensor.shape},
                      {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
      data += tensor.bytes;
    }
  }
  return SafetensorsBytes(header.dump(), data);
}

// A private copy of one of tests/data/models.
class ModelFolder {
 public:
  explicit ModelFolder(const std::string& golden) {
    std::filesystem::copy(SourceDir() / "tests/data/models" / golden, dir_.path(),
                          std::filesystem::copy_options::recursive |
                              std::filesystem::copy_options::overwrite_existing);
  }

  const std::filesystem::path& path() const { return dir_.path(); }

  void Write(const std::filesystem::path& name, std::string_view content) {
    dir_.Write(name, content);
  }
  void Remove(const std::filesystem::path& name) { std::filesystem::remove(path() / name); }

  void EditJson(const std::filesystem::path& name,
                const std::function<void(nlohmann::json&)>& edit) {
    nlohmann::json value = ReadGolden(path() / name);
    edit(value);
    Write(name, value.dump());
  }

  void EditTensors(const std::function<void(StoredTensors&)>& edit) {
    StoredTensors tensors;
    {
      const auto file = SafetensorsFile::Open(path() / "model.safetensors").value();
      for (const auto& [name, view] : file.tensors()) {
        tensors[name] = {
            std::string(DTypeName(view.dtype)), view.shape,
            std::string(reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size())};
      }
    }
    edit(tensors);
    // A new file in the old one's place: what maps the old one keeps it.
    Remove("model.safetensors");
    Write("model.safetensors", SafetensorsBytes(tensors));
  }

 private:
  TempDir dir_;
};

}  // namespace rerankd
