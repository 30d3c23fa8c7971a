#include "service/catalog.h"

#include <fmt/format.h>

#include <utility>

#include "core/errors.h"
#include "util/utf8.h"

namespace rerankd {
namespace {

constexpr size_t kMaxQuotedBytes = 100;

// What a caller sent, short enough for a message.
std::string Quoted(std::string_view text) {
  if (text.size() <= kMaxQuotedBytes) return fmt::format("\"{}\"", text);
  return fmt::format("\"{}…\"", text.substr(0, Utf8FloorBoundary(text, kMaxQuotedBytes)));
}

}  // namespace

absl::Status Catalog::Add(std::unique_ptr<ManagedModel> model) {
  const ModelInfo info = model->status().info;
  std::vector<std::string> names = info.aliases;
  names.push_back(info.name);
  for (const std::string& name : names) {
    if (by_name_.contains(name)) {
      return absl::InvalidArgumentError(fmt::format("there are two models named \"{}\"", name));
    }
  }
  for (std::string& name : names) by_name_.emplace(std::move(name), model.get());
  models_.push_back(std::move(model));
  return absl::OkStatus();
}

absl::StatusOr<ManagedModel*> Catalog::Find(std::string_view name) const {
  if (models_.empty()) return absl::NotFoundError("this server has no models");
  if (name.empty()) return models_.front().get();
  if (const auto found = by_name_.find(name); found != by_name_.end()) return found->second;
  std::string known;
  for (const std::unique_ptr<ManagedModel>& model : models_) {
    known += (known.empty() ? "" : ", ") + model->name();
  }
  return WithReason(absl::NotFoundError(fmt::format("there is no model {}; this server has: {}",
                                                    Quoted(name), known)),
                    "UNKNOWN_MODEL");
}

}  // namespace rerankd
