#include "model/model_loader.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "model/checkpoint.h"
#include "model/device.h"
#include "model/model_config.h"
#include "model/network_cache.h"
#include "model/registry.h"
#include "model/torch_scorer.h"
#include "model/weights.h"
#include "util/json.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

// What `load` returns, or the status of what it throws.
template <typename Load>
std::invoke_result_t<Load> WithoutExceptions(const std::filesystem::path& folder, Load load) {
  try {
    return load();
  } catch (...) {
    const absl::Status status = CurrentTorchError();
    return absl::Status(status.code(),
                        fmt::format("{}: {}", folder.string(), std::string(status.message())));
  }
}

absl::StatusOr<nlohmann::json> ReadConfigJson(const std::filesystem::path& folder) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    return absl::NotFoundError(fmt::format(
        "{}: there is no such folder; it must be a Hugging Face model folder", folder.string()));
  }
  return ReadJsonObject(folder / "config.json");
}

TorchScorer MakeScorer(const std::shared_ptr<const Network>& network, const ModelConfig& config,
                       int threads_per_session) {
  // The scorer needs the architecture only, and keeps all of the network.
  std::shared_ptr<const Architecture> architecture(network, network->architecture.get());
  return TorchScorer(std::move(architecture),
                     TorchScorer::Limits{.max_tokens = config.max_tokens,
                                         .vocab_size = config.vocab_size,
                                         .type_vocab_size = config.type_vocab_size},
                     network->device, threads_per_session);
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

absl::StatusOr<std::shared_ptr<const Network>> LoadNetwork(
    const std::shared_ptr<const Checkpoint>& checkpoint, const ModelConfig& config,
    ArchitectureLoader load, c10::ScalarType precision, const Placement& placement, int threads) {
  const c10::InferenceMode guard;
  Weights weights(checkpoint, placement);
  auto network = std::make_shared<Network>();
  network->device = placement.device;
  RERANKD_ASSIGN_OR_RETURN(network->architecture, load(config, weights, precision));
  network->parameters = weights.parameters();
  TorchScorer scorer = MakeScorer(network, config, threads);
  RERANKD_RETURN_IF_ERROR(Try(scorer, config, checkpoint->origin()));
  // The products have copies in their own order; embeddings are read again row by row.
  checkpoint->DropAllPages();
  return network;
}

// Outlives every model, so that none needs to know it.
NetworkCache& Networks() {
  static auto* const networks = new NetworkCache;
  return *networks;
}

absl::StatusOr<LoadedModel> Load(const ModelOptions& options) {
  if (options.threads_per_session < 1) {
    return absl::InvalidArgumentError(fmt::format(
        "threads_per_session is {}; it must be at least 1", options.threads_per_session));
  }
  RERANKD_ASSIGN_OR_RETURN(const c10::Device device, ParseDevice(options.device));
  RERANKD_ASSIGN_OR_RETURN(const c10::ScalarType precision, ParsePrecision(options.precision));
  RERANKD_RETURN_IF_ERROR(PrepareDevice(device));
  const Placement placement{.device = device,
                            .general_operators = options.general_operators || !device.is_cpu()};
  RERANKD_ASSIGN_OR_RETURN(const nlohmann::json config_json, ReadConfigJson(options.folder));
  RERANKD_ASSIGN_OR_RETURN(
      const RegisteredFamily* const family,
      FindFamily(config_json, (options.folder / "config.json").string(), options.kind));
  RERANKD_ASSIGN_OR_RETURN(
      const ModelConfig config,
      ReadModelConfig(options.folder, config_json, options.kind, family->dialect));
  RERANKD_ASSIGN_OR_RETURN(Checkpoint opened, Checkpoint::Open(options.folder));
  const auto checkpoint = std::make_shared<const Checkpoint>(std::move(opened));
  const std::string placed = device.str() + (options.general_operators ? " general" : "");

  // Without this the first product would start a thread for each processor, which then lives on.
  at::set_num_threads(options.threads_per_session);
  bool shared = true;
  RERANKD_ASSIGN_OR_RETURN(
      const std::shared_ptr<const Network> network,
      Networks().Get({checkpoint->identities(), config, placed, options.precision}, [&] {
        shared = false;
        return WithoutExceptions(options.folder, [&] {
          return LoadNetwork(checkpoint, config, family->loader(options.kind), precision, placement,
                             options.threads_per_session);
        });
      }));

  LoadedModel model;
  model.scorer =
      std::make_unique<TorchScorer>(MakeScorer(network, config, options.threads_per_session));
  model.architecture = config.architecture;
  model.device = device.str();
  model.precision = options.precision;
  model.max_tokens = static_cast<size_t>(config.max_tokens);
  model.states_max_tokens = config.states_max_tokens;
  model.vocab_size = static_cast<size_t>(config.vocab_size);
  model.type_vocab_size = static_cast<size_t>(config.type_vocab_size);
  model.parameters = network->parameters;
  model.shares_weights = shared;
  model.sigmoid_by_default = config.sigmoid_by_default;
  model.query_prompt = config.query_prompt;
  model.document_prompt = config.document_prompt;
  model.pools_prompt = config.pools_prompt;
  return model;
}

}  // namespace

absl::Status PrepareModelDevice(std::string_view device) {
  RERANKD_ASSIGN_OR_RETURN(const c10::Device parsed, ParseDevice(device));
  return PrepareDevice(parsed);
}

absl::StatusOr<LoadedModel> LoadModel(const ModelOptions& options) {
  return WithoutExceptions(options.folder, [&] { return Load(options); });
}

absl::StatusOr<uint64_t> EstimateWeightMemory(const ModelOptions& options) {
  RERANKD_ASSIGN_OR_RETURN(const c10::Device device, ParseDevice(options.device));
  RERANKD_ASSIGN_OR_RETURN(const c10::ScalarType precision, ParsePrecision(options.precision));
  if (!device.is_cpu()) return 0;
  RERANKD_ASSIGN_OR_RETURN(const Checkpoint checkpoint, Checkpoint::Open(options.folder));
  uint64_t bytes = 0;
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    // Biases and norms are vectors, kept in fp32, and next to nothing.
    if (tensor.view.shape.size() < 2 || name.find("embed") != std::string_view::npos) continue;
    const uint64_t elements = tensor.view.bytes.size() / DTypeSize(tensor.view.dtype);
    bytes += elements * c10::elementSize(precision);
  }
  return bytes;
}

}  // namespace rerankd
