#include "model/model_loader.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <system_error>
#include <utility>
#include <vector>

#include "model/device.h"
#include "model/model_config.h"
#include "model/registry.h"
#include "model/safetensors.h"
#include "model/torch_scorer.h"
#include "model/weights.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

constexpr char kWeightsFile[] = "model.safetensors";

absl::StatusOr<std::shared_ptr<const SafetensorsFile>> OpenWeights(
    const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kWeightsFile;
  absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(path);
  if (file.ok()) return std::make_shared<const SafetensorsFile>(*std::move(file));
  if (!absl::IsNotFound(file.status())) return file.status();
  // Name what may be there in its place.
  std::error_code ignored;
  if (std::filesystem::exists(folder / "model.safetensors.index.json", ignored)) {
    return absl::FailedPreconditionError(fmt::format(
        "{}: weights in several files (model.safetensors.index.json) are not supported; "
        "save the model again in one file (max_shard_size)",
        path.string()));
  }
  if (std::filesystem::exists(folder / "pytorch_model.bin", ignored)) {
    return absl::FailedPreconditionError(
        fmt::format("{}: missing; pytorch_model.bin is not read, save the model again with "
                    "safe_serialization",
                    path.string()));
  }
  return file.status();
}

// Computes one short sequence: what this processor or these weights cannot do shows at the start,
// not in the first request.
absl::Status Try(Scorer& scorer, const ModelConfig& config, const std::string& weights_path) {
  const auto length = static_cast<size_t>(std::min<int64_t>(config.max_tokens, 8));
  const Encoding encoding{.ids = std::vector<int32_t>(length, 0),
                          .type_ids = std::vector<int32_t>(length, 0)};
  const Encoding* const batch[] = {&encoding};
  const absl::StatusOr<std::vector<float>> scores = scorer.Score(batch);
  if (!scores.ok()) {
    return absl::FailedPreconditionError(fmt::format("{}: a trial computation failed: {}",
                                                     weights_path,
                                                     std::string(scores.status().message())));
  }
  if (!std::all_of(scores->begin(), scores->end(), [](float x) { return std::isfinite(x); })) {
    return absl::FailedPreconditionError(fmt::format(
        "{}: a trial computation gave NaN or infinity; the weights are damaged, or too large for "
        "the precision",
        weights_path));
  }
  return absl::OkStatus();
}

absl::StatusOr<LoadedModel> Load(const ModelOptions& options) {
  if (options.threads_per_session < 1) {
    return absl::InvalidArgumentError(fmt::format(
        "threads_per_session is {}; it must be at least 1", options.threads_per_session));
  }
  RERANKD_ASSIGN_OR_RETURN(const c10::Device device, ParseDevice(options.device));
  RERANKD_ASSIGN_OR_RETURN(const c10::ScalarType precision, ParsePrecision(options.precision));
  RERANKD_ASSIGN_OR_RETURN(const ModelConfig config, ReadModelConfig(options.folder, options.kind));
  RERANKD_ASSIGN_OR_RETURN(const RegisteredArchitecture* const architecture,
                           FindArchitecture(config, options.kind));
  RERANKD_ASSIGN_OR_RETURN(const auto file, OpenWeights(options.folder));

  // Without this the first product would start a thread for each processor, which then lives on.
  at::set_num_threads(options.threads_per_session);
  const c10::InferenceMode guard;
  Weights weights(file);
  RERANKD_ASSIGN_OR_RETURN(std::unique_ptr<Architecture> network,
                           architecture->load(config, weights, precision));
  auto scorer =
      std::make_unique<TorchScorer>(std::move(network),
                                    TorchScorer::Limits{.max_tokens = config.max_tokens,
                                                        .vocab_size = config.vocab_size,
                                                        .type_vocab_size = config.type_vocab_size},
                                    options.threads_per_session);
  RERANKD_RETURN_IF_ERROR(Try(*scorer, config, file->origin()));
  // The products have copies in their own order; embeddings are read again row by row.
  file->DropPages();

  LoadedModel model;
  model.scorer = std::move(scorer);
  model.architecture = config.architecture;
  model.device = device.str();
  model.precision = options.precision;
  model.max_tokens = static_cast<size_t>(config.max_tokens);
  model.vocab_size = static_cast<size_t>(config.vocab_size);
  model.parameters = weights.parameters();
  model.sigmoid_by_default = config.sigmoid_by_default;
  return model;
}

}  // namespace

absl::StatusOr<LoadedModel> LoadModel(const ModelOptions& options) {
  try {
    return Load(options);
  } catch (...) {
    const absl::Status status = CurrentTorchError();
    return absl::Status(status.code(), fmt::format("{}: {}", options.folder.string(),
                                                   std::string(status.message())));
  }
}

}  // namespace rerankd
