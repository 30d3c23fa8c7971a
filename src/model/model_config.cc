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
#include "util/status_macros.h"

namespace rerankd {
namespace {

using nlohmann::json;

template <typename... Args>
absl::Status Refused(std::string_view origin, fmt::format_string<Args...> format, Args&&... args) {
  return absl::FailedPreconditionError(
      fmt::format("{}: {}", origin, fmt::format(format, std::forward<Args>(args)...)));
}

// The value at `key`, or nullptr when it is missing or null.
const json* Find(const json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

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
  const json* value = Find(object, key);
  if (value == nullptr) return absl::OkStatus();
  if (std::find(accepted.begin(), accepted.end(), *value) != accepted.end()) {
    return absl::OkStatus();
  }
  std::vector<std::string> known;
  for (const json& one : accepted) known.push_back(one.dump());
  return Refused(origin, "\"{}\" is {}, which is not supported; supported: {}", key,
                 JsonExcerpt(*value), fmt::join(known, ", "));
}

absl::StatusOr<HiddenAct> ParseHiddenAct(const json& config, std::string_view origin) {
  constexpr auto kKnown = std::to_array<std::pair<std::string_view, HiddenAct>>({
      {"gelu", HiddenAct::kGelu},
      {"gelu_new", HiddenAct::kGeluTanh},
      {"gelu_pytorch_tanh", HiddenAct::kGeluTanh},
      {"relu", HiddenAct::kRelu},
  });
  RERANKD_ASSIGN_OR_RETURN(const std::optional<std::string> name,
                           JsonString(config, "hidden_act", origin));
  for (const auto& [known, act] : kKnown) {
    if (name.value_or("gelu") == known) return act;
  }
  return Refused(origin,
                 "\"hidden_act\" is {}, which is not supported; supported: gelu, gelu_new, "
                 "gelu_pytorch_tanh, relu",
                 JsonExcerpt(*name));
}

// How many labels a classification head has: id2label counts, num_labels must not contradict it.
absl::StatusOr<int64_t> CountLabels(const json& config, std::string_view origin) {
  RERANKD_ASSIGN_OR_RETURN(const std::optional<int64_t> number,
                           JsonInt(config, "num_labels", origin));
  const json* id2label = Find(config, "id2label");
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

// True: sigmoid, false: none.
absl::StatusOr<bool> ParseActivation(const json& config, std::string_view origin) {
  std::string key = "sbert_ce_default_activation_function";
  RERANKD_ASSIGN_OR_RETURN(std::optional<std::string> name, JsonString(config, key, origin));
  if (const json* newer = Find(config, "sentence_transformers"); newer != nullptr) {
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
  if (!name) return true;  // sentence-transformers' default for one label
  // For example "torch.nn.modules.activation.Sigmoid" or "torch.nn.modules.linear.Identity".
  const std::string short_name = name->substr(name->rfind('.') + 1);
  if (name->starts_with("torch.nn.") && short_name == "Sigmoid") return true;
  if (name->starts_with("torch.nn.") && short_name == "Identity") return false;
  return Refused(origin,
                 "\"{}\" is {}, which is not supported; supported: "
                 "torch.nn.modules.activation.Sigmoid, torch.nn.modules.linear.Identity",
                 key, JsonExcerpt(*name));
}

absl::StatusOr<json> ReadOptionalJsonObject(const std::filesystem::path& path) {
  absl::StatusOr<json> object = ReadJsonObject(path);
  if (absl::IsNotFound(object.status())) return json::object();
  return object;
}

}  // namespace

absl::StatusOr<ModelConfig> ParseModelConfig(const json& config, std::string_view origin,
                                             ModelKind kind) {
  // Far beyond any published encoder, and small enough that no product of two overflows.
  constexpr int64_t kMaxHidden = 1 << 14;
  constexpr int64_t kMaxIntermediate = 1 << 17;
  constexpr int64_t kMaxLayers = 256;
  constexpr int64_t kMaxVocabulary = 1 << 22;
  constexpr int64_t kMaxPositions = 1 << 17;
  constexpr int64_t kMaxTypes = 64;

  ModelConfig result;
  result.origin = origin;
  const json* architectures = Find(config, "architectures");
  if (architectures == nullptr || !architectures->is_array() || architectures->empty() ||
      !(*architectures)[0].is_string()) {
    return Refused(origin, "\"architectures\" must be a list with the name of one architecture");
  }
  result.architecture = (*architectures)[0].get<std::string>();

  // Each of these changes what the network computes.
  RERANKD_RETURN_IF_ERROR(Only(config, "position_embedding_type", {"absolute"}, origin));
  for (const char* key : {"is_decoder", "add_cross_attention", "is_encoder_decoder"}) {
    RERANKD_RETURN_IF_ERROR(Only(config, key, {false}, origin));
  }
  RERANKD_RETURN_IF_ERROR(Only(config, "pruned_heads", {json::object()}, origin));
  for (const char* key : {"auto_map", "quantization_config"}) {
    if (Find(config, key) != nullptr) {
      return Refused(origin, "\"{}\" is not supported: the network must be the standard one", key);
    }
  }

  RERANKD_ASSIGN_OR_RETURN(result.vocab_size,
                           Size(config, "vocab_size", kMaxVocabulary, 0, origin));
  RERANKD_ASSIGN_OR_RETURN(result.hidden_size, Size(config, "hidden_size", kMaxHidden, 0, origin));
  RERANKD_ASSIGN_OR_RETURN(result.layers, Size(config, "num_hidden_layers", kMaxLayers, 0, origin));
  RERANKD_ASSIGN_OR_RETURN(result.heads,
                           Size(config, "num_attention_heads", kMaxHidden, 0, origin));
  RERANKD_ASSIGN_OR_RETURN(result.intermediate_size,
                           Size(config, "intermediate_size", kMaxIntermediate, 0, origin));
  RERANKD_ASSIGN_OR_RETURN(result.max_positions,
                           Size(config, "max_position_embeddings", kMaxPositions, 0, origin));
  RERANKD_ASSIGN_OR_RETURN(result.type_vocab_size,
                           Size(config, "type_vocab_size", kMaxTypes, 2, origin));
  if (result.hidden_size % result.heads != 0) {
    return Refused(origin,
                   "\"hidden_size\" is {}, which must be a multiple of the {} of "
                   "\"num_attention_heads\"",
                   result.hidden_size, result.heads);
  }
  RERANKD_ASSIGN_OR_RETURN(const std::optional<double> eps,
                           JsonDouble(config, "layer_norm_eps", origin));
  result.layer_norm_eps = eps.value_or(1e-12);
  if (!(result.layer_norm_eps > 0 && result.layer_norm_eps <= 0.1)) {
    return Refused(origin, "\"layer_norm_eps\" is {}; it must be above 0 and at most 0.1",
                   result.layer_norm_eps);
  }
  RERANKD_ASSIGN_OR_RETURN(result.hidden_act, ParseHiddenAct(config, origin));

  if (kind == ModelKind::kCrossEncoder) {
    RERANKD_ASSIGN_OR_RETURN(const int64_t labels, CountLabels(config, origin));
    if (labels != 1) {
      return Refused(origin,
                     "the model has {} labels (\"id2label\", else \"num_labels\", else 2); a "
                     "cross_encoder must have 1",
                     labels);
    }
    RERANKD_ASSIGN_OR_RETURN(result.sigmoid_by_default, ParseActivation(config, origin));
  }
  result.max_tokens = result.max_positions;
  return result;
}

absl::StatusOr<Modules> ParseModules(const json& modules, std::string_view origin) {
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
  const std::vector<std::string> plain = {"Transformer", "Pooling"};
  const std::vector<std::string> normalized = {"Transformer", "Pooling", "Normalize"};
  if (types != plain && types != normalized) {
    return Refused(origin,
                   "the modules are {}; supported: Transformer, Pooling and, at will, Normalize",
                   JsonExcerpt(json(types)));
  }
  return result;
}

absl::StatusOr<Pooling> ParsePooling(const json& config, int64_t hidden_size,
                                     std::string_view origin) {
  // Newer releases have one field, older ones a flag a mode.
  std::vector<std::string> modes;
  if (const json* mode = Find(config, "pooling_mode"); mode != nullptr) {
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
    if (dimension && *dimension != hidden_size) {
      return Refused(origin, "\"{}\" is {}; it must equal the hidden_size of config.json, {}", key,
                     *dimension, hidden_size);
    }
  }
  if (modes == std::vector<std::string>{"mean"}) return Pooling::kMean;
  if (modes == std::vector<std::string>{"cls"}) return Pooling::kFirst;
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

absl::Status CheckSentenceTransformers(const json& config, bool normalized,
                                       std::string_view origin) {
  RERANKD_RETURN_IF_ERROR(Only(config, "model_type", {"SentenceTransformer"}, origin));
  // Of embeddings of length 1 the dot product is the cosine.
  RERANKD_RETURN_IF_ERROR(normalized ? Only(config, "similarity_fn_name", {"cosine", "dot"}, origin)
                                     : Only(config, "similarity_fn_name", {"cosine"}, origin));
  RERANKD_ASSIGN_OR_RETURN(const std::optional<std::string> prompt_name,
                           JsonString(config, "default_prompt_name", origin));
  if (!prompt_name) return absl::OkStatus();
  const json* prompts = Find(config, "prompts");
  if (prompts == nullptr || !prompts->is_object()) {
    return Refused(origin, "\"default_prompt_name\" is {}, but there is no \"prompts\" object",
                   JsonExcerpt(*prompt_name));
  }
  const json* prompt = Find(*prompts, prompt_name->c_str());
  if (prompt == nullptr || (prompt->is_string() && prompt->get_ref<const std::string&>().empty())) {
    return absl::OkStatus();
  }
  return Refused(
      origin,
      "\"default_prompt_name\" is {}, whose prompt is {}; prompts are not supported: set "
      "it to null and put the prompt into the texts",
      JsonExcerpt(*prompt_name), JsonExcerpt(*prompt));
}

absl::StatusOr<ModelConfig> ReadModelConfig(const std::filesystem::path& folder, ModelKind kind) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    return absl::NotFoundError(fmt::format(
        "{}: there is no such folder; it must be a Hugging Face model folder", folder.string()));
  }
  const std::filesystem::path config_path = folder / "config.json";
  RERANKD_ASSIGN_OR_RETURN(const json config_json, ReadJsonObject(config_path));
  RERANKD_ASSIGN_OR_RETURN(ModelConfig config,
                           ParseModelConfig(config_json, config_path.string(), kind));
  if (kind == ModelKind::kCrossEncoder) return config;

  const std::filesystem::path modules_path = folder / "modules.json";
  absl::StatusOr<std::string> modules_text = ReadFile(modules_path);
  if (absl::IsNotFound(modules_text.status())) {
    return absl::NotFoundError(fmt::format(
        "{}: there is no such file; a bi_encoder is a sentence-transformers folder, whose "
        "modules.json says how token rows become one embedding",
        modules_path.string()));
  }
  RERANKD_RETURN_IF_ERROR(modules_text.status());
  RERANKD_ASSIGN_OR_RETURN(const json modules_json,
                           ParseJson(*modules_text, modules_path.string()));
  RERANKD_ASSIGN_OR_RETURN(const Modules modules,
                           ParseModules(modules_json, modules_path.string()));

  const std::filesystem::path pooling_path = folder / modules.pooling_folder / "config.json";
  RERANKD_ASSIGN_OR_RETURN(const json pooling_json, ReadJsonObject(pooling_path));
  RERANKD_ASSIGN_OR_RETURN(config.pooling,
                           ParsePooling(pooling_json, config.hidden_size, pooling_path.string()));

  const std::filesystem::path length_path = folder / "sentence_bert_config.json";
  RERANKD_ASSIGN_OR_RETURN(const json length_json, ReadOptionalJsonObject(length_path));
  RERANKD_ASSIGN_OR_RETURN(
      config.max_tokens,
      ParseMaxSequenceLength(length_json, config.max_positions, length_path.string()));

  const std::filesystem::path prompts_path = folder / "config_sentence_transformers.json";
  RERANKD_ASSIGN_OR_RETURN(const json prompts_json, ReadOptionalJsonObject(prompts_path));
  RERANKD_RETURN_IF_ERROR(
      CheckSentenceTransformers(prompts_json, modules.normalize, prompts_path.string()));
  return config;
}

}  // namespace rerankd
