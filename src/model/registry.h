// The families of models that can be served.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/status/statusor.h"
#include "model/architectures/architecture.h"
#include "model/model_config.h"
#include "model/model_loader.h"

namespace rerankd {

struct RegisteredFamily {
  std::string_view model_type;  // as config.json's "model_type" spells it
  std::string_view name;        // its classes are <name>ForSequenceClassification, <name>Model, …
  const ConfigDialect& dialect;
  ArchitectureLoader load_cross_encoder;
  ArchitectureLoader load_bi_encoder;

  ArchitectureLoader loader(ModelKind kind) const {
    return kind == ModelKind::kCrossEncoder ? load_cross_encoder : load_bi_encoder;
  }
};

// The family of the class that `config`, the content of config.json, names. FAILED_PRECONDITION
// lists the known ones of that kind, or says that "model_type" contradicts.
absl::StatusOr<const RegisteredFamily*> FindFamily(const nlohmann::json& config,
                                                   std::string_view origin, ModelKind kind);

}  // namespace rerankd
