#include "model/weights.h"

#include <ATen/ops/from_blob.h>
#include <fmt/format.h>

#include <optional>

namespace rerankd {
namespace {

std::optional<at::ScalarType> FloatType(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return at::kFloat;
    case DType::kF16:
      return at::kHalf;
    case DType::kBF16:
      return at::kBFloat16;
    default:
      return std::nullopt;
  }
}

std::string Shape(const std::vector<int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace

std::string Weights::NameInFile(std::string_view name) const {
  std::string prefixed = prefix_ + std::string(name);
  return file_->tensors().contains(prefixed) ? prefixed : std::string(name);
}

bool Weights::Has(std::string_view name) const {
  return file_->tensors().contains(NameInFile(name));
}

absl::StatusOr<at::Tensor> Weights::Take(std::string_view name, const std::vector<int64_t>& shape) {
  const std::string stored_name = NameInFile(name);
  const auto entry = file_->tensors().find(stored_name);
  if (entry == file_->tensors().end()) {
    return absl::FailedPreconditionError(fmt::format(
        "{}: tensor \"{}\"{} of shape {} is missing", file_->origin(), name,
        prefix_.empty() ? "" : fmt::format(" (or \"{}{}\")", prefix_, name), Shape(shape)));
  }
  const TensorView& view = entry->second;
  if (view.shape != shape) {
    return absl::FailedPreconditionError(
        fmt::format("{}: tensor \"{}\" has shape {}, but config.json asks for {}", file_->origin(),
                    stored_name, Shape(view.shape), Shape(shape)));
  }
  const std::optional<at::ScalarType> type = FloatType(view.dtype);
  if (!type) {
    return absl::FailedPreconditionError(
        fmt::format("{}: tensor \"{}\" is stored as {}; supported: F32, F16, BF16", file_->origin(),
                    stored_name, DTypeName(view.dtype)));
  }
  taken_.insert(stored_name);
  // Tensors have no notion of read-only memory; nothing writes to a weight.
  void* data = const_cast<std::byte*>(view.bytes.data());
  at::Tensor tensor =
      at::from_blob(data, shape, [file = file_](void*) {}, at::TensorOptions(*type));
  parameters_ += static_cast<uint64_t>(tensor.numel());
  return tensor;
}

absl::Status Weights::Finish(const std::function<bool(std::string_view name)>& tolerated) const {
  for (const auto& [name, view] : file_->tensors()) {
    const std::string_view bare =
        std::string_view(name).substr(name.starts_with(prefix_) ? prefix_.size() : 0);
    if (taken_.contains(name) || tolerated(bare)) continue;
    return absl::FailedPreconditionError(
        fmt::format("{}: tensor \"{}\" of shape {} is not part of the architecture of config.json",
                    file_->origin(), name, Shape(view.shape)));
  }
  return absl::OkStatus();
}

}  // namespace rerankd
