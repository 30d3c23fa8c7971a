// The architectures that can be served.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "model/architectures/architecture.h"
#include "model/model_loader.h"

namespace rerankd {

struct RegisteredArchitecture {
  std::string_view name;  // as config.json's "architectures" spells it
  ModelKind kind;
  ArchitectureLoader load;
};

// FAILED_PRECONDITION lists the known ones of that kind.
absl::StatusOr<const RegisteredArchitecture*> FindArchitecture(const ModelConfig& config,
                                                               ModelKind kind);

}  // namespace rerankd
