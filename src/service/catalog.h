// Which models are served, by name.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/model_info.h"
#include "core/reranker.h"

namespace rerankd {

// Filled before serving starts, then read by every call without a lock.
class Catalog {
 public:
  struct Entry {
    ModelInfo info;
    std::shared_ptr<Reranker> reranker;
  };

  // The first model added is the default one. INVALID_ARGUMENT when the name is taken.
  absl::Status Add(Entry entry);

  // An empty name is the default model. NOT_FOUND lists the known names.
  absl::StatusOr<const Entry*> Find(std::string_view name) const;

  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

}  // namespace rerankd
