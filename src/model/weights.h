// A model's tensors, handed out by name to whatever builds the network.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "model/safetensors.h"

namespace rerankd {

// Checks that the network and the file agree: each tensor taken must be there in the wanted shape
// and a float type, and Finish() refuses what nobody took. Not thread-safe.
class Weights {
 public:
  explicit Weights(std::shared_ptr<const SafetensorsFile> file) : file_(std::move(file)) {}

  // Lets names in the file begin with `prefix` or not: an encoder is stored as "bert.encoder…" or
  // "encoder…", depending on the class that saved it.
  void AllowPrefix(std::string prefix) { prefix_ = std::move(prefix); }

  bool Has(std::string_view name) const;

  // The tensor as it is stored (fp32, fp16 or bf16), in the mapped file itself: it owns a share of
  // the mapping and costs no memory of its own. It must not be written to.
  // FAILED_PRECONDITION when it is missing, of another shape or not of a float type.
  absl::StatusOr<at::Tensor> Take(std::string_view name, const std::vector<int64_t>& shape);

  // Refuses, by name, a tensor that nobody took and that `tolerated` does not accept. Call it once
  // the network is complete.
  absl::Status Finish(const std::function<bool(std::string_view name)>& tolerated) const;

  // Elements taken so far.
  uint64_t parameters() const { return parameters_; }

 private:
  std::string NameInFile(std::string_view name) const;

  std::shared_ptr<const SafetensorsFile> file_;
  std::string prefix_;
  std::set<std::string, std::less<>> taken_;
  uint64_t parameters_ = 0;
};

}  // namespace rerankd
