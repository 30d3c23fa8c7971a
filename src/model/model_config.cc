#include "model/model_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "util/file.h"
#include "util/json.h"
#include "util/refused.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

using nlohmann::json;

// A whole number in [1, max]; `otherwise` stands in for a missing one, unless it is 0.
absl::StatusOr<int64_t> Size(const json& object, const char* key, int64_t max, int64_t otherwise,
                             std::string_view origin) {
  RERANKD_ASSIGN_OR_RETURN(const std::optional<int64_t> value, JsonInt(object, key, origin));
  if (!value && otherwise != 0) return otherwise;
  if (!value) return Refused(origin, "\"{}\" is missing; it must be a whole number", key);
  if (*value < 1 || *value > max) {
    return Refused(origin, "\"{}\" is {}; it must be between 1 and {}", key, *value, max);
  }
  return *value;
}

// Refuses `key` unless it is missing, null or one of `accepted`.
absl::Status Only(const json& object, const char* key, std::initializer_list<json> accepted,
                  std::string_view origin) {
  const json* value = FindJson(object, key);
  if (value == nullptr) return absl::OkStatus();
  if (std::find(accepted.begin(), accepted.end(), *value) != accepted.end()) {
    return absl::OkStatus();
  }
  std::vector<std::string> known;
  for (const json& one : accepted) known.push_back(one.dump());
  return Refused(origin, "\"{}\" is {}, which is not supported; supported: {}", key,
                 JsonExcerpt(*value), fmt::join(known, ", "));
}

absl::StatusOr<HiddenAct> ParseHiddenAct(const json& config, const char* key,
                                         std::string_view origin) {
  // transformers' names; several are formulas of the same function.
  constexpr auto kKnown = std::to_array<std::pair<std::string_view, HiddenAct>>({
      {"gelu", HiddenAct::kGelu},
      {"gelu_python", HiddenAct::kGelu},
      {"gelu_new", HiddenAct::kGeluTanh},
      {"gelu_pytorch_tanh", HiddenAct::kGeluTanh},
      {"gelu_python_tanh", HiddenAct::kGeluTanh},
      {"gelu_fast", HiddenAct::kGeluTanh},
      {"gelu_accurate", HiddenAct::kGeluTanh},
      {"relu", HiddenAct::kRelu},
  });
  RERANKD_ASSIGN_OR_RETURN(const std::optional<std::string> name, JsonString(config, key, origin));
  std::vector<std::string_view> names;
  for (const auto& [known, act] : kKnown) {
    if (name.value_or("gelu") == known) return act;
    names.push_back(known);
  }
  return Refused(origin, "\"{}\" is {}, which is not supported; supported: {}", key,
                 JsonExcerpt(*name), fmt::join(names, ", "));
}

// How many labels a classification head has: id2label counts, num_labels must not contradict it.
absl::StatusOr<int64_t> CountLabels(const json& config, std::string_view origin) {
  RERANKD_ASSIGN_OR_RETURN(const std::optional<int64_t> number,
                           JsonInt(config, "num_labels", origin));
  const json* id2label = FindJson(config, "id2label");
  if (id2label == nullptr) return number.value_or(2);  // transformers' default
  if (!id2label->is_object()) {
    return Refused(origin, "\"id2label\" is {}; it must map ids to labels", JsonExcerpt(*id2label));
  }
  const auto labels = static_cast<int64_t>(id2label->size());
  if (number && *number != labels) {
    return Refused(origin, "\"num_labels\" is {}, but \"id2label\" has {}; they must agree",
                   *number, labels);
  }
  return labels;
}

// The activation that `key` names with torch's full name. True: sigmoid of the one logit, or of the
// difference of two, which is the softmax's probability of the second label. False: none.
absl::StatusOr<bool> IsSigmoid(const std::string& name, std::string_view key, int64_t labels,
                               std::string_view origin) {
  // For example "torch.nn.modules.activation.Sigmoid" or "torch.nn.modules.linear.Identity".
  const std::string short_name = name.substr(name.rfind('.') + 1);
  const std::string_view squashing = labels == 1 ? "Sigmoid" : "Softmax";
  if (name.starts_with("torch.nn.") && short_name == squashing) return true;
  if (name.starts_with("torch.nn.") && short_name == "Identity") return false;
  return Refused(origin,
                 "\"{}\" is {}, which is not supported for {}; supported: "
                 "torch.nn.modules.activation.{}, torch.nn.modules.linear.Identity",
                 key, JsonExcerpt(name), labels == 1 ? "one label" : "two labels", squashing);
}

// What config.json says about the activation.
absl::StatusOr<bool> ParseActivation(const json& config, int64_t labels, std::string_view origin) {
  std::string key = "sbert_ce_default_activation_function";
  RERANKD_ASSIGN_OR_RETURN(std::optional<std::string> name, JsonString(config, key, origin));
  if (const json* newer = FindJson(config, "sentence_transformers"); newer != nullptr) {
    if (!newer->is_object()) {
      return Refused(origin, "\"sentence_transformers\" is {}; it must be an object",
                     JsonExcerpt(*newer));
    }
    RERANKD_ASSIGN_OR_RETURN(auto activation, JsonString(*newer, "activation_fn", origin));
    if (activation) {
      name = std::move(activation);
      key = "sentence_transformers.activation_fn";
    }
  }
  // Without one, sentence-transformers' default for one label.
  return name ? IsSigmoid(*name, key, labels, origin) : true;
}

absl::StatusOr<json> ReadOptionalJsonObject(const std::filesystem::path& path) {
  absl::StatusOr<json> object = ReadJsonObject(path);
  if (absl::IsNotFound(object.status())) return json::object();
  return object;
}

}  // namespace

absl::StatusOr<std::string> ParseArchitecture(const json& config, std::string_view origin) {
  const json* architectures = FindJson(config, "architectures");
  if (architectures == nullptr || !architectures->is_array() || architectures->empty() ||
      !(*architectures)[0].is_string()) {
    return Refused(origin, "\"architectures\" must be a list with the name of one architecture");
  }
  return (*architectures)[0].get<std::string>();
}

absl::StatusOr<ModelConfig> ParseModelConfig(const json& config, std::string_view origin,
                                             ModelKind kind, const ConfigDialect& dialect) {
  // Far beyond any published encoder, and small enough that no product of two overflows.
  constexpr int64_t kMaxHidden = 1 << 14;
  constexpr int64_t kMaxIntermediate = 1 << 17;
  constexpr int64_t kMaxLayers = 256;
  constexpr int64_t kMaxVocabulary = 1 << 22;
  constexpr int64_t kMaxPositions = 1 << 17;
  constexpr int64_t kMaxTypes = 64;

  ModelConfig result;
  result.origin = origin;
  RERANKD_ASSIGN_OR_RETURN(result.architecture, ParseArchitecture(config, origin));

  // Each of these changes what the network computes.
  RERANKD_RETURN_IF_ERROR(Only(config, "position_embedding_type", {"absolute"}, origin));
  for (const char* key : {"is_decoder", "add_cross_attention", "is_encoder_decoder"}) {
    RERANKD_RETURN_IF_ERROR(Only(config, key, {false}, origin));
  }
  RERANKD_RETURN_IF_ERROR(Only(config, "pruned_heads", {json::object()}, origin));
  for (const char* key : {"auto_map", "quantization_config"}) {
    if (FindJson(config, key) != nullptr) {
      return Refused(origin, "\"{}\" is not supported: the network must be the standard one", key);
    }
  }

  RERANKD_ASSIGN_OR_RETURN(result.vocab_size,
                           Size(config, "vocab_size", kMaxVocabulary, 0, origin));
  RERANKD_ASSIGN_OR_RETURN(result.hidden_size,
                           Size(config, dialect.hidden_size, kMaxHidden, 0, origin));
  RERANKD_ASSIGN_OR_RETURN(result.layers, Size(config, dialect.layers, kMaxLayers, 0, origin));
  RERANKD_ASSIGN_OR_RETURN(result.heads, Size(config, dialect.heads, kMaxHidden, 0, origin));
  RERANKD_ASSIGN_OR_RETURN(result.intermediate_size,
                           Size(config, dialect.intermediate_size, kMaxIntermediate, 0, origin));
  RERANKD_ASSIGN_OR_RETURN(result.max_positions,
                           Size(config, "max_position_embeddings", kMaxPositions, 0, origin));
  if (dialect.type_vocab_size != nullptr) {
    RERANKD_ASSIGN_OR_RETURN(result.type_vocab_size,
                             Size(config, dialect.type_vocab_size, kMaxTypes, 2, origin));
  }
  result.embedding_size = result.hidden_size;
  if (dialect.embedding_size != nullptr) {
    constexpr int64_t kElectraDefault = 128;
    RERANKD_ASSIGN_OR_RETURN(result.embedding_size, Size(config, dialect.embedding_size, kMaxHidden,
                                                         kElectraDefault, origin));
  }
  if (result.hidden_size % result.heads != 0) {
    return Refused(origin, "\"{}\" is {}, which must be a multiple of the {} of \"{}\"",
                   dialect.hidden_size, result.hidden_size, result.heads, dialect.heads);
  }
  result.layer_norm_eps = 1e-12;
  if (dialect.layer_norm_eps != nullptr) {
    RERANKD_ASSIGN_OR_RETURN(const std::optional<double> eps,
                             JsonDouble(config, dialect.layer_norm_eps, origin));
    result.layer_norm_eps = eps.value_or(result.layer_norm_eps);
    if (!(result.layer_norm_eps > 0 && result.layer_norm_eps <= 0.1)) {
      return Refused(origin, "\"{}\" is {}; it must be above 0 and at most 0.1",
                     dialect.layer_norm_eps, result.layer_norm_eps);
    }
  }
  RERANKD_ASSIGN_OR_RETURN(result.hidden_act, ParseHiddenAct(config, dialect.hidden_act, origin));

  result.max_tokens = result.max_positions;
  if (dialect.positions_follow_padding) {
    RERANKD_ASSIGN_OR_RETURN(const std::optional<int64_t> given,
                             JsonInt(config, "pad_token_id", origin));
    const int64_t padding = given.value_or(1);  // transformers' default for these families
    if (padding < 0 || padding >= result.vocab_size || padding + 1 >= result.max_positions) {
      return Refused(origin,
                     "\"pad_token_id\" is {}; it must be at least 0, below the {} of "
                     "\"vocab_size\", and leave positions of the {} of "
                     "\"max_position_embeddings\", which count from the number after it",
                     padding, result.vocab_size, result.max_positions);
    }
    result.padding_id = padding;
    result.max_tokens = result.max_positions - padding - 1;
  }

  if (kind == ModelKind::kCrossEncoder) {
    RERANKD_ASSIGN_OR_RETURN(result.labels, CountLabels(config, origin));
    if (result.labels != 1 && result.labels != 2) {
      return Refused(origin,
                     "the model has {} labels (\"id2label\", else \"num_labels\", else 2); a "
                     "cross_encoder must have 1, or 2 of which the second means relevant",
                     result.labels);
    }
    RERANKD_ASSIGN_OR_RETURN(result.sigmoid_by_default,
                             ParseActivation(config, result.labels, origin));
  }
  return result;
}

absl::StatusOr<Modules> ParseModules(const json& modules, ModelKind kind, std::string_view origin) {
  if (!modules.is_array()) return Refused(origin, "the top level must be a list of modules");
  Modules result;
  std::vector<std::string> types;
  for (const json& module : modules) {
    if (!module.is_object()) return Refused(origin, "a module is not a JSON object");
    RERANKD_ASSIGN_OR_RETURN(const auto type, JsonString(module, "type", origin));
    RERANKD_ASSIGN_OR_RETURN(const auto path, JsonString(module, "path", origin));
    if (!type) return Refused(origin, "a module has no \"type\"");
    // "sentence_transformers.models.Pooling", or a longer path in newer releases.
    const std::string name = type->substr(type->rfind('.') + 1);
    types.push_back(type->starts_with("sentence_transformers.") ? name : *type);
    if (name == "Transformer" && !path.value_or("").empty()) {
      return Refused(origin,
                     "the Transformer has the \"path\" {}; it must be \"\", the folder itself",
                     JsonExcerpt(*path));
    }
    if (name == "Normalize") result.normalize = true;
    if (name != "Pooling") continue;
    const std::filesystem::path folder(path.value_or(""));
    if (folder.empty() || folder.is_absolute() ||
        std::find(folder.begin(), folder.end(), "..") != folder.end()) {
      return Refused(origin,
                     "the Pooling has the \"path\" {}; it must be a folder below the model's",
                     JsonExcerpt(json(path.value_or(""))));
    }
    result.pooling_folder = *path;
  }
  const std::vector<std::string> alone = {"Transformer"};
  const std::vector<std::string> pooled = {"Transformer", "Pooling"};
  const std::vector<std::string> normalized = {"Transformer", "Pooling", "Normalize"};
  if (kind == ModelKind::kCrossEncoder && types != alone) {
    return Refused(origin, "the modules are {}; supported for a cross_encoder: Transformer",
                   JsonExcerpt(json(types)));
  }
  if (kind == ModelKind::kBiEncoder && types != pooled && types != normalized) {
    return Refused(origin,
                   "the modules are {}; supported: Transformer, Pooling and, at will, Normalize",
                   JsonExcerpt(json(types)));
  }
  return result;
}

absl::Status ParsePooling(const json& config, std::string_view origin, ModelConfig& result) {
  // Newer releases have one field, older ones a flag a mode.
  std::vector<std::string> modes;
  if (const json* mode = FindJson(config, "pooling_mode"); mode != nullptr) {
    const json list = mode->is_array() ? *mode : json::array({*mode});
    for (const json& one : list) {
      if (!one.is_string()) {
        return Refused(origin, "\"pooling_mode\" is {}; it must be a string", JsonExcerpt(*mode));
      }
      modes.push_back(one.get<std::string>());
    }
  } else {
    for (const auto& [key, value] : config.items()) {
      if (!key.starts_with("pooling_mode_")) continue;
      if (!value.is_boolean() && !value.is_null()) {
        return Refused(origin, "{} is {}; it must be true or false", JsonExcerpt(key),
                       JsonExcerpt(value));
      }
      if (value != true) continue;
      modes.push_back(key == "pooling_mode_mean_tokens" ? "mean"
                      : key == "pooling_mode_cls_token" ? "cls"
                                                        : key);
    }
    if (modes.empty()) modes.push_back("mean");  // sentence-transformers' default
  }
  for (const char* key : {"word_embedding_dimension", "embedding_dimension"}) {
    RERANKD_ASSIGN_OR_RETURN(const std::optional<int64_t> dimension, JsonInt(config, key, origin));
    if (dimension && *dimension != result.hidden_size) {
      return Refused(origin, "\"{}\" is {}; it must equal the hidden size of config.json, {}", key,
                     *dimension, result.hidden_size);
    }
  }
  RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> pools_prompt,
                           JsonBool(config, "include_prompt", origin));
  result.pools_prompt = pools_prompt.value_or(true);
  const bool mean = modes == std::vector<std::string>{"mean"};
  if (mean || modes == std::vector<std::string>{"cls"}) {
    result.pooling = mean ? Pooling::kMean : Pooling::kFirst;
    return absl::OkStatus();
  }
  return Refused(origin, "the pooling mode is {}; supported: mean or cls",
                 JsonExcerpt(json(modes)));
}

absl::StatusOr<int64_t> ParseMaxSequenceLength(const json& config, int64_t otherwise,
                                               std::string_view origin) {
  RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> lower,
                           JsonBool(config, "do_lower_case", origin));
  if (lower.value_or(false)) {
    return Refused(origin,
                   "\"do_lower_case\" is true, which is not supported: set it to false when the "
                   "tokenizer already lower-cases (tokenizer_config.json)");
  }
  RERANKD_ASSIGN_OR_RETURN(
      const int64_t limit,
      Size(config, "max_seq_length", std::numeric_limits<int64_t>::max(), otherwise, origin));
  return std::min(limit, otherwise);
}

absl::Status ParseSentenceTransformers(const json& config, ModelKind kind, bool normalized,
                                       std::string_view origin, ModelConfig& result) {
  const bool cross_encoder = kind == ModelKind::kCrossEncoder;
  if (cross_encoder) {
    RERANKD_ASSIGN_OR_RETURN(const std::optional<std::string> activation,
                             JsonString(config, "activation_fn", origin));
    if (activation) {
      RERANKD_ASSIGN_OR_RETURN(result.sigmoid_by_default,
                               IsSigmoid(*activation, "activation_fn", result.labels, origin));
    }
  } else {
    RERANKD_RETURN_IF_ERROR(Only(config, "model_type", {"SentenceTransformer"}, origin));
    // Of embeddings of length 1 the dot product is the cosine.
    RERANKD_RETURN_IF_ERROR(normalized
                                ? Only(config, "similarity_fn_name", {"cosine", "dot"}, origin)
                                : Only(config, "similarity_fn_name", {"cosine"}, origin));
  }
  const json* prompts = FindJson(config, "prompts");
  if (prompts != nullptr && !prompts->is_object()) {
    return Refused(origin, "\"prompts\" is {}; it must be an object that maps names to texts",
                   JsonExcerpt(*prompts));
  }
  // What a name maps to; nothing where it is missing or null.
  const auto prompt = [&](const std::string& name) -> absl::StatusOr<std::string> {
    if (prompts == nullptr) return std::string();
    RERANKD_ASSIGN_OR_RETURN(std::optional<std::string> text,
                             JsonString(*prompts, name, fmt::format("{}: \"prompts\"", origin)));
    return std::move(text).value_or("");
  };
  RERANKD_ASSIGN_OR_RETURN(const std::optional<std::string> default_name,
                           JsonString(config, "default_prompt_name", origin));
  // A bi-encoder has these two, empty, even where the file does not.
  const bool known = default_name == "query" || default_name == "document";
  if (default_name && (cross_encoder || !known) &&
      (prompts == nullptr || !prompts->contains(*default_name))) {
    return Refused(origin, "\"default_prompt_name\" is {}, which \"prompts\" does not have",
                   JsonExcerpt(*default_name));
  }
  if (cross_encoder) {
    if (default_name) {
      RERANKD_ASSIGN_OR_RETURN(result.query_prompt, prompt(*default_name));
    }
    return absl::OkStatus();
  }
  RERANKD_ASSIGN_OR_RETURN(result.query_prompt, prompt("query"));
  RERANKD_ASSIGN_OR_RETURN(result.document_prompt, prompt("document"));
  return absl::OkStatus();
}

absl::StatusOr<ModelConfig> ReadModelConfig(const std::filesystem::path& folder,
                                            const json& config_json, ModelKind kind,
                                            const ConfigDialect& dialect) {
  RERANKD_ASSIGN_OR_RETURN(
      ModelConfig config,
      ParseModelConfig(config_json, (folder / "config.json").string(), kind, dialect));
  const std::filesystem::path settings_path = folder / "config_sentence_transformers.json";
  RERANKD_ASSIGN_OR_RETURN(const json settings, ReadOptionalJsonObject(settings_path));
  const std::filesystem::path modules_path = folder / "modules.json";
  absl::StatusOr<std::string> modules_text = ReadFile(modules_path);
  if (kind == ModelKind::kCrossEncoder) {
    // CrossEncoder reads these files only where they are of its own making.
    RERANKD_ASSIGN_OR_RETURN(const std::optional<std::string> type,
                             JsonString(settings, "model_type", settings_path.string()));
    if (type != "CrossEncoder" || absl::IsNotFound(modules_text.status())) return config;
  } else if (absl::IsNotFound(modules_text.status())) {
    return absl::NotFoundError(fmt::format(
        "{}: there is no such file; a bi_encoder is a sentence-transformers folder, whose "
        "modules.json says how token rows become one embedding",
        modules_path.string()));
  }
  RERANKD_RETURN_IF_ERROR(modules_text.status());
  RERANKD_ASSIGN_OR_RETURN(const json modules_json,
                           ParseJson(*modules_text, modules_path.string()));
  RERANKD_ASSIGN_OR_RETURN(const Modules modules,
                           ParseModules(modules_json, kind, modules_path.string()));
  if (kind == ModelKind::kBiEncoder) {
    const std::filesystem::path pooling_path = folder / modules.pooling_folder / "config.json";
    RERANKD_ASSIGN_OR_RETURN(const json pooling_json, ReadJsonObject(pooling_path));
    RERANKD_RETURN_IF_ERROR(ParsePooling(pooling_json, pooling_path.string(), config));
  }
  const std::filesystem::path length_path = folder / "sentence_bert_config.json";
  RERANKD_ASSIGN_OR_RETURN(const json length_json, ReadOptionalJsonObject(length_path));
  RERANKD_ASSIGN_OR_RETURN(config.max_tokens, ParseMaxSequenceLength(length_json, config.max_tokens,
                                                                     length_path.string()));
  config.states_max_tokens = FindJson(length_json, "max_seq_length") != nullptr;
  RERANKD_RETURN_IF_ERROR(
      ParseSentenceTransformers(settings, kind, modules.normalize, settings_path.string(), config));
  return config;
}

}  // namespace rerankd
