#include "model/registry.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/architectures/bert.h"
#include "model/architectures/distilbert.h"
#include "model/architectures/electra.h"
#include "model/architectures/roberta.h"
#include "util/json.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

constexpr auto kFamilies = std::to_array<RegisteredFamily>({
    {"bert", "Bert", kBertDialect, LoadBertCrossEncoder, LoadBertBiEncoder},
    {"roberta", "Roberta", kRobertaDialect, LoadRobertaCrossEncoder, LoadRobertaBiEncoder},
    {"xlm-roberta", "XLMRoberta", kRobertaDialect, LoadRobertaCrossEncoder, LoadRobertaBiEncoder},
    {"camembert", "Camembert", kRobertaDialect, LoadRobertaCrossEncoder, LoadRobertaBiEncoder},
    {"electra", "Electra", kElectraDialect, LoadElectraCrossEncoder, LoadElectraBiEncoder},
    {"distilbert", "DistilBert", kDistilBertDialect, LoadDistilBertCrossEncoder,
     LoadDistilBertBiEncoder},
});

// The ends of class names that each kind can be made of. A bi-encoder reads none of the heads that
// its folder may have been saved with.
constexpr std::array<std::string_view, 1> kCrossEncoderClasses = {"ForSequenceClassification"};
constexpr std::array<std::string_view, 2> kBiEncoderClasses = {"Model", "ForMaskedLM"};

}  // namespace

absl::StatusOr<const RegisteredFamily*> FindFamily(const nlohmann::json& config,
                                                   std::string_view origin, ModelKind kind) {
  RERANKD_ASSIGN_OR_RETURN(const std::string architecture, ParseArchitecture(config, origin));
  const bool cross_encoder = kind == ModelKind::kCrossEncoder;
  const std::span<const std::string_view> classes =
      cross_encoder ? std::span<const std::string_view>(kCrossEncoderClasses) : kBiEncoderClasses;
  std::vector<std::string> known;
  for (const RegisteredFamily& family : kFamilies) {
    for (const std::string_view end : classes) {
      known.push_back(fmt::format("{}{}", family.name, end));
      if (architecture != known.back()) continue;
      // transformers goes by the model type, and this by the class: they must mean the same.
      RERANKD_ASSIGN_OR_RETURN(const std::optional<std::string> type,
                               JsonString(config, "model_type", origin));
      if (!type || *type == family.model_type) return &family;
      return absl::FailedPreconditionError(fmt::format(
          "{}: \"model_type\" is {}, but the architecture {} is of \"{}\"; they must agree", origin,
          JsonExcerpt(*type), architecture, family.model_type));
    }
  }
  return absl::FailedPreconditionError(fmt::format(
      "{}: the architecture {} is not known as a {}; known: {}", origin, JsonExcerpt(architecture),
      cross_encoder ? "cross_encoder" : "bi_encoder", fmt::join(known, ", ")));
}

}  // namespace rerankd
