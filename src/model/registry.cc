#include "model/registry.h"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "model/architectures/bert.h"
#include "util/json.h"

namespace rerankd {
namespace {

constexpr auto kArchitectures = std::to_array<RegisteredArchitecture>({
    {"BertForSequenceClassification", ModelKind::kCrossEncoder, LoadBertCrossEncoder},
    {"BertModel", ModelKind::kBiEncoder, LoadBertBiEncoder},
});

std::string_view KindName(ModelKind kind) {
  return kind == ModelKind::kCrossEncoder ? "cross_encoder" : "bi_encoder";
}

}  // namespace

absl::StatusOr<const RegisteredArchitecture*> FindArchitecture(const ModelConfig& config,
                                                               ModelKind kind) {
  std::vector<std::string_view> known;
  for (const RegisteredArchitecture& entry : kArchitectures) {
    if (entry.kind != kind) continue;
    if (entry.name == config.architecture) return &entry;
    known.push_back(entry.name);
  }
  return absl::FailedPreconditionError(
      fmt::format("{}: the architecture {} is not known as a {}; known: {}", config.origin,
                  JsonExcerpt(config.architecture), KindName(kind), fmt::join(known, ", ")));
}

}  // namespace rerankd
