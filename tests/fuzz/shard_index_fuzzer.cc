// Arbitrary bytes as model.safetensors.index.json: refused in one short line that names the file,
// or every file is in the same folder and every tensor in exactly one of them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "model/checkpoint.h"

namespace {

constexpr char kOrigin[] = "m/model.safetensors.index.json";

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckRefusal(const absl::Status& status) {
  const std::string message(status.message());
  Require(message.starts_with("m/model.safetensors.index.json: "));
  Require(message.size() < 1000 && message.find('\n') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto index = rerankd::ParseShardIndex(text, kOrigin);
  if (!index.ok()) {
    CheckRefusal(index.status());
    return 0;
  }
  Require(!index->shards.empty());
  std::set<std::string> seen;
  for (const auto& [file, tensors] : index->shards) {
    Require(file.find('/') == std::string::npos && file.find('\0') == std::string::npos);
    Require(file.ends_with(".safetensors"));
    rerankd::TensorMap there;
    for (const std::string& tensor : tensors) {
      Require(seen.insert(tensor).second);
      there.emplace(tensor, rerankd::TensorView());
    }
    Require(rerankd::CheckShard(*index, kOrigin, file, there).ok());
    there.emplace("no such tensor, hopefully", rerankd::TensorView());
    there.erase(tensors.front());
    const absl::Status status = rerankd::CheckShard(*index, kOrigin, file, there);
    Require(!status.ok());
    CheckRefusal(status);
  }
  return 0;
}
