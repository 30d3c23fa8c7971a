// Building blocks that architectures share. Everything here is immutable after loading and safe for
// concurrent use; forward functions may throw what LibTorch throws.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "model/device.h"
#include "model/model_config.h"
#include "model/weights.h"

namespace rerankd {

// Rows that are worked on at a time, where there is a choice: enough for the products to be as fast
// as they get, few enough that what lies between two of them stays small however long a text is.
int64_t MaxRowsAtOnce(c10::Device device);

// y = act(x W^T + b) in the precision of its weight, which is held once: on a processor in the
// order in which oneDNN multiplies it. There more than MaxRowsAtOnce() rows go in parts: oneDNN
// generates code for each number of rows and keeps it.
class Linear {
 public:
  // The tensors `name`.weight [outputs, inputs] and `name`.bias [outputs] of each of `names`,
  // stacked: several products of the same input are one. Their pages of the file are given back
  // once they are copied, so that loading needs no second copy of the model.
  static absl::StatusOr<Linear> Load(Weights& weights, std::initializer_list<std::string> names,
                                     int64_t inputs, int64_t outputs, c10::ScalarType precision);

  // `weight` [outputs, inputs], `bias` [outputs]; neither is kept.
  Linear(const at::Tensor& weight, const at::Tensor& bias, c10::ScalarType precision,
         const Placement& placement = {});

  // x: [rows, inputs] in the precision of the weight and on its device; so is the result.
  at::Tensor operator()(const at::Tensor& x,
                        std::optional<HiddenAct> activation = std::nullopt) const;

 private:
  at::Tensor Multiply(const at::Tensor& x, std::optional<HiddenAct> activation) const;

  bool general_;       // Placement::general_operators
  at::Tensor weight_;  // reordered, unless general_
  at::Tensor bias_;    // fp32; the weight's precision if general_
};

// Normalises each row to mean 0 and variance 1, then scales and shifts it; fp32.
class LayerNorm {
 public:
  // `name`.weight and `name`.bias, or `name`.gamma and `name`.beta as old checkpoints call them.
  static absl::StatusOr<LayerNorm> Load(Weights& weights, const std::string& name, int64_t width,
                                        double eps);

  at::Tensor operator()(const at::Tensor& x) const;

 private:
  LayerNorm(const at::Tensor& scale, const at::Tensor& shift, double eps, c10::Device device);

  at::Tensor scale_;
  at::Tensor shift_;
  double eps_;
};

// Rows of a table by number. On a processor the table stays in the mapped file: only rows that are
// read cost memory, and of a large table only those that were read lately.
class Embedding {
 public:
  // The tensor `name` [entries, width].
  static absl::StatusOr<Embedding> Load(Weights& weights, const std::string& name, int64_t entries,
                                        int64_t width);

  // ids: int32 [rows] in the processor's memory, each below `entries`. fp32 [rows, width] on the
  // device.
  at::Tensor operator()(const at::Tensor& ids) const;

 private:
  explicit Embedding(at::Tensor table);

  at::Tensor table_;
  // Of a large table: rows read since its pages were given back. Shared so that the class can move.
  std::shared_ptr<std::atomic<int64_t>> read_since_drop_;
};

}  // namespace rerankd
