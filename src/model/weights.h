// A model's tensors, handed out by name to whatever builds the network.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "model/checkpoint.h"
#include "model/device.h"

namespace rerankd {

// Checks that the network and the files agree: each tensor taken must be there in the wanted shape
// and a float type, and Finish() refuses what nobody took. Not thread-safe.
class Weights {
 public:
  // `placement`: where the network is built.
  explicit Weights(std::shared_ptr<const Checkpoint> checkpoint, const Placement& placement = {})
      : checkpoint_(std::move(checkpoint)), placement_(placement) {}

  const Placement& placement() const { return placement_; }

  // Lets names in the file begin with `prefix` or not, as in "bert.": an encoder is stored as
  // "bert.encoder…" or "encoder…", depending on the class that saved it. A class that wraps the
  // model may have put "model." before either.
  void AllowPrefix(const std::string& prefix) {
    prefixes_ = {prefix, "", "model." + prefix, "model."};
  }

  bool Has(std::string_view name) const;

  // The tensor as it is stored (fp32, fp16 or bf16), in the mapped file itself: it owns a share of
  // the mapping and costs no memory of its own. It must not be written to.
  // FAILED_PRECONDITION when it is missing, of another shape or not of a float type.
  absl::StatusOr<at::Tensor> Take(std::string_view name, const std::vector<int64_t>& shape);

  // Refuses, by name, a tensor that nobody took and that is not among `tolerated`: names without
  // prefix or, where they end in a dot, beginnings of names. Call it once the network is complete.
  absl::Status Finish(std::span<const std::string_view> tolerated) const;

  // Elements taken so far.
  uint64_t parameters() const { return parameters_; }

 private:
  std::string NameInFile(std::string_view name) const;

  std::shared_ptr<const Checkpoint> checkpoint_;
  Placement placement_;
  std::vector<std::string> prefixes_ = {""};  // the first one with which a name is there counts
  std::set<std::string, std::less<>> taken_;
  uint64_t parameters_ = 0;
};

}  // namespace rerankd
