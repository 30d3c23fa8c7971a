// Which models are served, by name.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "lifecycle/managed_model.h"

namespace rerankd {

// Filled before serving starts, then read by every call without a lock: the models themselves come
// and go behind their ManagedModel.
class Catalog {
 public:
  // The first model added is the default one. INVALID_ARGUMENT when its name or an alias is taken.
  absl::Status Add(std::unique_ptr<ManagedModel> model);

  // By name or alias; an empty name is the default model. NOT_FOUND lists the known names.
  absl::StatusOr<ManagedModel*> Find(std::string_view name) const;

  // In the order of their addition, the default one first.
  const std::vector<std::unique_ptr<ManagedModel>>& models() const { return models_; }

 private:
  std::vector<std::unique_ptr<ManagedModel>> models_;
  std::map<std::string, ManagedModel*, std::less<>> by_name_;
};

}  // namespace rerankd
