// What a model folder's JSON files say about the network, checked. What would change the scores and
// is not implemented is refused by name, never ignored.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "model/model_loader.h"

namespace rerankd {

enum class HiddenAct { kGelu, kGeluTanh, kRelu };

// How a bi-encoder turns token rows into one embedding.
enum class Pooling { kMean, kFirst };

// How a family of models spells in config.json what all of them have, and what it takes for
// granted. What is written here is BERT's way.
struct ConfigDialect {
  const char* hidden_size = "hidden_size";
  const char* layers = "num_hidden_layers";
  const char* heads = "num_attention_heads";
  const char* intermediate_size = "intermediate_size";
  const char* hidden_act = "hidden_act";
  const char* layer_norm_eps = "layer_norm_eps";    // nullptr: always 1e-12
  const char* type_vocab_size = "type_vocab_size";  // nullptr: the network reads no type ids
  const char* embedding_size = nullptr;             // nullptr: that of the hidden rows
  // Positions count from "pad_token_id" + 1, so that many of the table are not for tokens.
  bool positions_follow_padding = false;
};
inline constexpr ConfigDialect kBertDialect;
inline constexpr ConfigDialect kRobertaDialect{.positions_follow_padding = true};
inline constexpr ConfigDialect kElectraDialect{.embedding_size = "embedding_size"};
inline constexpr ConfigDialect kDistilBertDialect{.hidden_size = "dim",
                                                  .layers = "n_layers",
                                                  .heads = "n_heads",
                                                  .intermediate_size = "hidden_dim",
                                                  .hidden_act = "activation",
                                                  .layer_norm_eps = nullptr,
                                                  .type_vocab_size = nullptr};

struct ModelConfig {
  std::string origin;        // path of config.json, for messages
  std::string architecture;  // the first of "architectures"
  int64_t vocab_size = 0;
  int64_t embedding_size = 0;  // columns of the embedding tables
  int64_t hidden_size = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t intermediate_size = 0;
  int64_t max_positions = 0;
  int64_t type_vocab_size = 0;  // 0: the network reads no type ids
  double layer_norm_eps = 0;
  HiddenAct hidden_act = HiddenAct::kGelu;
  // The id whose tokens take its own number for their position, while others count from the next.
  std::optional<int64_t> padding_id;

  int64_t labels = 1;                // cross-encoders: 1 or 2 logits
  bool sigmoid_by_default = false;   // cross-encoders
  Pooling pooling = Pooling::kMean;  // bi-encoders
  int64_t max_tokens = 0;            // the longest sequence that the folder allows
  bool states_max_tokens = false;  // it has a max_seq_length, which wins over the tokenizer's limit
  std::string query_prompt;        // what the folder puts before each query
  std::string document_prompt;     // and before each document
  bool pools_prompt = true;        // false: an embedding is of the tokens after the prompt

  bool operator==(const ModelConfig&) const = default;
};
// The name that config.json's "architectures" gives the network.
absl::StatusOr<std::string> ParseArchitecture(const nlohmann::json& config,
                                              std::string_view origin);

// Reads what config.json, already parsed, and the files beside it say: sentence-transformers' own,
// which a bi-encoder must have. NOT_FOUND or FAILED_PRECONDITION name file, field, what was wrong
// and what would be right.
absl::StatusOr<ModelConfig> ReadModelConfig(const std::filesystem::path& folder,
                                            const nlohmann::json& config, ModelKind kind,
                                            const ConfigDialect& dialect);

// The parts, as functions of JSON alone. `origin` names the file in messages.

// config.json; `max_tokens` becomes the number of positions that tokens can have.
absl::StatusOr<ModelConfig> ParseModelConfig(const nlohmann::json& config, std::string_view origin,
                                             ModelKind kind, const ConfigDialect& dialect);
// modules.json: a Transformer in the folder itself; for a bi-encoder also a Pooling in a folder of
// its own, and possibly a Normalize, which changes nothing since scores are cosines.
struct Modules {
  std::string pooling_folder;  // below the model's folder
  bool normalize = false;
};
absl::StatusOr<Modules> ParseModules(const nlohmann::json& modules, ModelKind kind,
                                     std::string_view origin);
// The Pooling's config.json, into `pooling` and `pools_prompt`.
absl::Status ParsePooling(const nlohmann::json& config, std::string_view origin,
                          ModelConfig& result);
// sentence_bert_config.json; the limit in tokens, or `otherwise` when it states none.
absl::StatusOr<int64_t> ParseMaxSequenceLength(const nlohmann::json& config, int64_t otherwise,
                                               std::string_view origin);
// config_sentence_transformers.json. Of a bi-encoder the prompts that encode_query() and
// encode_document() of sentence-transformers use; refuses what would make its scores others
// (`normalized`: embeddings have length 1). Of a cross-encoder the default prompt, which predict()
// puts before the query, and the activation, which wins over config.json's.
absl::Status ParseSentenceTransformers(const nlohmann::json& config, ModelKind kind,
                                       bool normalized, std::string_view origin,
                                       ModelConfig& result);

}  // namespace rerankd
