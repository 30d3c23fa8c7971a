#include "model/layers.h"

#include <ATen/core/List.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/relu.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "util/file.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

// LibTorch has no public header for its oneDNN operators; the dispatcher knows them by name.
at::Tensor ReorderWeight(const at::Tensor& weight) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("mkldnn::_reorder_linear_weight", "")
                             .typed<at::Tensor(const at::Tensor&, std::optional<c10::SymInt>)>();
  // Rows of the products that the order is chosen for; others work as well.
  constexpr int64_t kTypicalRows = 512;
  return op.call(weight, c10::SymInt(kTypicalRows));
}

at::Tensor LinearPointwise(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           std::string_view activation, std::optional<std::string_view> algorithm) {
  using Scalars = c10::List<std::optional<at::Scalar>>;
  static const auto op =
      c10::Dispatcher::singleton()
          .findSchemaOrThrow("mkldnn::_linear_pointwise", "")
          .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                            std::string_view, Scalars, std::optional<std::string_view>)>();
  return op.call(x, weight, bias, activation, Scalars(), algorithm);
}

at::Tensor ActivateGenerally(const at::Tensor& y, std::optional<HiddenAct> activation) {
  if (!activation) return y;
  switch (*activation) {
    case HiddenAct::kGelu:
      return at::gelu(y);
    case HiddenAct::kGeluTanh:
      return at::gelu(y, "tanh");
    case HiddenAct::kRelu:
      break;
  }
  return at::relu(y);
}

std::span<const std::byte> BytesOf(const at::Tensor& tensor) {
  return {static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()};
}

// A copy in memory of its own, so that serving does not depend on pages of the file.
at::Tensor CopyTo(const at::Tensor& tensor, c10::Device device, c10::ScalarType type) {
  return tensor.to(device, type, /*non_blocking=*/false, /*copy=*/true);
}

}  // namespace

int64_t MaxRowsAtOnce(c10::Device device) { return device.is_cpu() ? 1024 : 32768; }

absl::StatusOr<Linear> Linear::Load(Weights& weights, std::initializer_list<std::string> names,
                                    int64_t inputs, int64_t outputs, c10::ScalarType precision) {
  std::vector<at::Tensor> stacked_weight;
  std::vector<at::Tensor> stacked_bias;
  for (const std::string& name : names) {
    RERANKD_ASSIGN_OR_RETURN(stacked_weight.emplace_back(),
                             weights.Take(name + ".weight", {outputs, inputs}));
    RERANKD_ASSIGN_OR_RETURN(stacked_bias.emplace_back(), weights.Take(name + ".bias", {outputs}));
  }
  Linear linear(stacked_weight.size() == 1 ? stacked_weight[0] : at::cat(stacked_weight),
                at::cat(stacked_bias), precision, weights.placement());
  for (const at::Tensor& tensor : stacked_weight) {
    DropPages(BytesOf(tensor));
  }
  return linear;
}

Linear::Linear(const at::Tensor& weight, const at::Tensor& bias, c10::ScalarType precision,
               const Placement& placement)
    : general_(placement.general_operators),
      weight_(general_ ? CopyTo(weight, placement.device, precision)
                       : ReorderWeight(weight.to(precision))),
      bias_(CopyTo(bias, placement.device, general_ ? precision : c10::kFloat)) {}

at::Tensor Linear::operator()(const at::Tensor& x, std::optional<HiddenAct> activation) const {
  const int64_t rows = x.size(0);
  const int64_t at_once = MaxRowsAtOnce(x.device());
  if (rows <= at_once || general_) return Multiply(x, activation);
  at::Tensor y = at::empty({rows, bias_.size(0)}, x.options());
  for (int64_t first = 0; first < rows; first += at_once) {
    const int64_t count = std::min(at_once, rows - first);
    y.narrow(0, first, count).copy_(Multiply(x.narrow(0, first, count), activation));
  }
  return y;
}

at::Tensor Linear::Multiply(const at::Tensor& x, std::optional<HiddenAct> activation) const {
  if (general_) return ActivateGenerally(at::linear(x, weight_, bias_), activation);
  if (!activation) return LinearPointwise(x, weight_, bias_, "none", std::nullopt);
  switch (*activation) {
    case HiddenAct::kGelu:
      return LinearPointwise(x, weight_, bias_, "gelu", "none");
    case HiddenAct::kGeluTanh:
      return LinearPointwise(x, weight_, bias_, "gelu", "tanh");
    case HiddenAct::kRelu:
      break;
  }
  return LinearPointwise(x, weight_, bias_, "relu", std::nullopt);
}

absl::StatusOr<LayerNorm> LayerNorm::Load(Weights& weights, const std::string& name, int64_t width,
                                          double eps) {
  const bool old = !weights.Has(name + ".weight") && weights.Has(name + ".gamma");
  RERANKD_ASSIGN_OR_RETURN(const at::Tensor scale,
                           weights.Take(name + (old ? ".gamma" : ".weight"), {width}));
  RERANKD_ASSIGN_OR_RETURN(const at::Tensor shift,
                           weights.Take(name + (old ? ".beta" : ".bias"), {width}));
  return LayerNorm(scale, shift, eps, weights.placement().device);
}

LayerNorm::LayerNorm(const at::Tensor& scale, const at::Tensor& shift, double eps,
                     c10::Device device)
    : scale_(CopyTo(scale, device, c10::kFloat)),
      shift_(CopyTo(shift, device, c10::kFloat)),
      eps_(eps) {}

at::Tensor LayerNorm::operator()(const at::Tensor& x) const {
  return at::layer_norm(x, {scale_.size(0)}, scale_, shift_, eps_);
}

absl::StatusOr<Embedding> Embedding::Load(Weights& weights, const std::string& name,
                                          int64_t entries, int64_t width) {
  RERANKD_ASSIGN_OR_RETURN(at::Tensor table, weights.Take(name, {entries, width}));
  return Embedding(table.to(weights.placement().device));
}

// The kernel maps 16 pages where one is read, so that soon all of a large table (1 GB where there
// are 250,000 words) would count as resident. Given back now and then, what is in use costs a page
// fault for every few words.
constexpr size_t kLargeTableBytes = size_t{64} << 20;
constexpr int64_t kRowsBetweenDrops = 4096;

Embedding::Embedding(at::Tensor table) : table_(std::move(table)) {
  if (table_.is_cpu() && table_.nbytes() >= kLargeTableBytes) {
    read_since_drop_ = std::make_shared<std::atomic<int64_t>>(0);
  }
}

at::Tensor Embedding::operator()(const at::Tensor& ids) const {
  at::Tensor rows = at::embedding(table_, ids.to(table_.device())).to(at::kFloat);
  const int64_t count = ids.numel();
  if (read_since_drop_ != nullptr &&
      read_since_drop_->fetch_add(count, std::memory_order_relaxed) + count >= kRowsBetweenDrops) {
    read_since_drop_->store(0, std::memory_order_relaxed);
    DropPages(BytesOf(table_));
  }
  return rows;
}

}  // namespace rerankd
