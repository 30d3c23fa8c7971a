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
  for (const std::string& prefix : prefixes_) {
    std::string prefixed = prefix + std::string(name);
    if (checkpoint_->tensors().contains(prefixed)) return prefixed;
  }
  return std::string(name);
}

bool Weights::Has(std::string_view name) const {
  return checkpoint_->tensors().contains(NameInFile(name));
}

absl::StatusOr<at::Tensor> Weights::Take(std::string_view name, const std::vector<int64_t>& shape) {
  const std::string stored_name = NameInFile(name);
  const auto entry = checkpoint_->tensors().find(stored_name);
  if (entry == checkpoint_->tensors().end()) {
    const std::string& prefix = prefixes_.front();
    return absl::FailedPreconditionError(fmt::format(
        "{}: tensor \"{}\"{} of shape {} is missing", checkpoint_->origin(), name,
        prefix.empty() ? "" : fmt::format(" (or \"{}{}\")", prefix, name), Shape(shape)));
  }
  const auto& [view, file] = entry->second;
  if (view.shape != shape) {
    return absl::FailedPreconditionError(
        fmt::format("{}: tensor \"{}\" has shape {}, but config.json asks for {}", file,
                    stored_name, Shape(view.shape), Shape(shape)));
  }
  const std::optional<at::ScalarType> type = FloatType(view.dtype);
  if (!type) {
    return absl::FailedPreconditionError(
        fmt::format("{}: tensor \"{}\" is stored as {}; supported: F32, F16, BF16", file,
                    stored_name, DTypeName(view.dtype)));
  }
  taken_.insert(stored_name);
  // Tensors have no notion of read-only memory; nothing writes to a weight.
  void* data = const_cast<std::byte*>(view.bytes.data());
  at::Tensor tensor =
      at::from_blob(data, shape, [owner = checkpoint_](void*) {}, at::TensorOptions(*type));
  parameters_ += static_cast<uint64_t>(tensor.numel());
  return tensor;
}

absl::Status Weights::Finish(std::span<const std::string_view> tolerated) const {
  const auto is_tolerated = [&](std::string_view stored) {
    for (const std::string& prefix : prefixes_) {
      if (!stored.starts_with(prefix)) continue;
      const std::string_view name = stored.substr(prefix.size());
      for (const std::string_view one : tolerated) {
        if (one.ends_with('.') ? name.starts_with(one) : name == one) return true;
      }
    }
    return false;
  };
  for (const auto& [name, tensor] : checkpoint_->tensors()) {
    if (taken_.contains(name) || is_tolerated(name)) continue;
    return absl::FailedPreconditionError(
        fmt::format("{}: tensor \"{}\" of shape {} is not part of the architecture of config.json",
                    tensor.file, name, Shape(tensor.view.shape)));
  }
  return absl::OkStatus();
}

}  // namespace rerankd
