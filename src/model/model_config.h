// What a model folder's JSON files say about the network, checked. What would change the scores and
// is not implemented is refused by name, never ignored.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "model/model_loader.h"

namespace rerankd {

enum class HiddenAct { kGelu, kGeluTanh, kRelu };

// How a bi-encoder turns token rows into one embedding.
enum class Pooling { kMean, kFirst };

struct ModelConfig {
  std::string origin;        // path of config.json, for messages
  std::string architecture;  // the first of "architectures"
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t intermediate_size = 0;
  int64_t max_positions = 0;
  int64_t type_vocab_size = 0;
  double layer_norm_eps = 0;
  HiddenAct hidden_act = HiddenAct::kGelu;

  bool sigmoid_by_default = false;   // cross-encoders
  Pooling pooling = Pooling::kMean;  // bi-encoders
  int64_t max_tokens = 0;            // the longest sequence that the folder allows
};

// Reads config.json and, for a bi-encoder, modules.json and what it names. NOT_FOUND or
// FAILED_PRECONDITION name file, field, what was wrong and what would be right.
absl::StatusOr<ModelConfig> ReadModelConfig(const std::filesystem::path& folder, ModelKind kind);

// The parts, as functions of JSON alone. `origin` names the file in messages.

// config.json; `max_tokens` becomes the number of positions.
absl::StatusOr<ModelConfig> ParseModelConfig(const nlohmann::json& config, std::string_view origin,
                                             ModelKind kind);
// modules.json: a Transformer in the folder itself, a Pooling in a folder of its own, and possibly
// a Normalize, which changes nothing since scores are cosines.
struct Modules {
  std::string pooling_folder;  // below the model's folder
  bool normalize = false;
};
absl::StatusOr<Modules> ParseModules(const nlohmann::json& modules, std::string_view origin);
// The Pooling's config.json.
absl::StatusOr<Pooling> ParsePooling(const nlohmann::json& config, int64_t hidden_size,
                                     std::string_view origin);
// sentence_bert_config.json; the limit in tokens, or `otherwise` when it states none.
absl::StatusOr<int64_t> ParseMaxSequenceLength(const nlohmann::json& config, int64_t otherwise,
                                               std::string_view origin);
// config_sentence_transformers.json: refuses what would make sentence-transformers' scores others.
absl::Status CheckSentenceTransformers(const nlohmann::json& config, bool normalized,
                                       std::string_view origin);

}  // namespace rerankd
