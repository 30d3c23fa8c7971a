#include "config/config_loader.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "config/settings.h"
#include "config/values.h"
#include "util/file.h"
#include "util/utf8.h"

namespace rerankd {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFileBytes = size_t{1} << 20;

// One value on its way into the configuration, and where it was written.
struct Assignment {
  std::string key;
  std::string text;
  std::string place;  // "rerankd.yaml:3", "environment variable RERANKD_LISTEN", "flag --listen"
};

// An entry of `models`, or the one model that flags and environment describe.
struct ModelDraft {
  std::string place;
  std::vector<Assignment> assignments;  // keys without prefix
};

template <typename T>
std::vector<std::string> Keys(std::span<const Setting<T>> settings) {
  std::vector<std::string> keys;
  for (const Setting<T>& setting : settings) keys.push_back(setting.key);
  return keys;
}

std::string Join(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

std::string UnknownKey(std::string_view key, const std::vector<std::string>& known) {
  const std::optional<std::string> nearest = NearestWord(key, known);
  return fmt::format(
      "unknown key \"{}\"; {}", key,
      nearest ? fmt::format("did you mean \"{}\"?", *nearest) : "known here: " + Join(known));
}

class Loader {
 public:
  explicit Loader(const ConfigSources& sources) : sources_(sources) {}

  void ReadYaml(const std::string& text, const fs::path& file) {
    file_ = file.string();
    base_ = file.parent_path();
    if (const std::optional<size_t> at = FindInvalidUtf8(text)) {
      const auto line =
          1 + std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(*at), '\n');
      Error(fmt::format("{}:{}", file_, line), "not valid UTF-8");
      return;
    }
    try {
      const YAML::Node root = YAML::Load(text);
      if (root.IsNull()) return;
      if (!root.IsMap()) {
        Error(Place(root),
              "the file must be a mapping of settings, for example \"listen: "
              "127.0.0.1:50051\"");
        return;
      }
      ReadTop(root);
    } catch (const YAML::Exception& e) {
      Error(fmt::format("{}:{}", file_, e.mark.line + 1), "not valid YAML: " + e.msg);
    } catch (const std::exception& e) {
      Error(file_, fmt::format("not valid YAML: {}", e.what()));
    }
  }

  LoadedConfig Finish() {
    ReadEnvironment();
    for (const auto& [key, value] : sources_.flags) {
      AddOverride({key, value, "flag " + FlagOf(key)});
    }

    for (const Assignment& assignment : server_) Apply(ServerSettings(), assignment, config_);
    for (const Assignment& assignment : engine_) {
      Apply(EngineSettings(), assignment, config_.engine);
    }
    if (models_given_ && !single_model_.empty()) {
      Error(single_model_.front().place,
            "describes the only model and cannot be combined with `models` of " + file_);
    }
    BuildModels();
    return {std::move(config_), std::move(errors_)};
  }

 private:
  void Error(std::string_view place, std::string_view what) {
    errors_.push_back(fmt::format("{}: {}", place, what));
  }

  std::string Place(const YAML::Node& node) const {
    const YAML::Mark mark = node.Mark();
    return mark.is_null() ? file_ : fmt::format("{}:{}", file_, mark.line + 1);
  }

  // ---- the file ----

  // Calls `entry(key, value)` for each pair of a mapping; reports keys that are not plain or twice.
  template <typename Entry>
  void ForEach(const YAML::Node& map, Entry entry) {
    std::set<std::string> seen;
    for (const auto& pair : map) {
      if (!pair.first.IsScalar()) {
        Error(Place(pair.first), "a key must be a plain word");
        continue;
      }
      const std::string& key = pair.first.Scalar();
      if (!seen.insert(key).second) {
        Error(Place(pair.first), fmt::format("\"{}\" is given twice", key));
        continue;
      }
      entry(key, pair.first, pair.second);
    }
  }

  // The value of a setting in the file; relative paths become absolute here.
  void AddScalar(std::string_view shown_key, std::string key, const YAML::Node& value, bool is_path,
                 std::vector<Assignment>& to) {
    if (!value.IsScalar()) {
      Error(Place(value), fmt::format("{} {}", shown_key,
                                      value.IsNull() ? "has no value" : "must be a single value"));
      return;
    }
    std::string text = value.Scalar();
    if (is_path && !text.empty()) text = (base_ / text).string();
    to.push_back({std::move(key), std::move(text), Place(value)});
  }

  void ReadTop(const YAML::Node& root) {
    // Top-level keys, and the sections: "log" of "log.level", "engine".
    std::vector<std::string> known{"engine", "models"};
    for (const std::string& key : Keys(ServerSettings())) {
      const std::string top = key.substr(0, key.find('.'));
      if (std::ranges::find(known, top) == known.end()) known.push_back(top);
    }
    ForEach(root, [&](const std::string& key, const YAML::Node& at, const YAML::Node& value) {
      if (key == "models") {
        ReadModels(value);
      } else if (key == "engine") {
        ReadSection(key, EngineSettings(), "", value, engine_);
      } else if (std::ranges::find(known, key) == known.end()) {
        Error(Place(at), UnknownKey(key, known));
      } else if (const auto* setting = Find(ServerSettings(), key)) {
        AddScalar(key, key, value, setting->is_path, server_);
      } else {
        ReadSection(key, ServerSettings(), key + ".", value, server_);
      }
    });
  }

  // A mapping whose keys are those of `settings` that begin with `prefix`.
  template <typename T>
  void ReadSection(const std::string& name, std::span<const Setting<T>> settings,
                   const std::string& prefix, const YAML::Node& section,
                   std::vector<Assignment>& to) {
    if (!section.IsMap()) {
      Error(Place(section), fmt::format("{} must be a mapping of settings", name));
      return;
    }
    std::vector<std::string> known;
    for (const std::string& key : Keys(settings)) {
      if (key.starts_with(prefix)) known.push_back(key.substr(prefix.size()));
    }
    ForEach(section, [&](const std::string& key, const YAML::Node& at, const YAML::Node& value) {
      const auto* setting = Find(settings, prefix + key);
      if (setting == nullptr) {
        Error(Place(at), UnknownKey(key, known));
      } else {
        AddScalar(fmt::format("{}.{}", name, key), setting->key, value, setting->is_path, to);
      }
    });
  }

  void ReadModels(const YAML::Node& models) {
    models_given_ = true;
    if (!models.IsSequence() || models.size() == 0) {
      Error(Place(models),
            "models must be a list of one model or more, each a mapping with at "
            "least a path; leave it out for the default model");
      return;
    }
    std::vector<std::string> known = Keys(ModelSettings());
    for (const std::string& key : Keys(EngineSettings())) known.push_back(key);
    for (size_t i = 0; i < models.size(); ++i) {
      const YAML::Node& model = models[i];
      const std::string shown = fmt::format("models[{}]", i);
      if (!model.IsMap()) {
        Error(Place(model), shown + " must be a mapping, with at least a path");
        continue;
      }
      ModelDraft& draft = drafts_.emplace_back(ModelDraft{Place(model), {}});
      ForEach(model, [&](const std::string& key, const YAML::Node& at, const YAML::Node& value) {
        const auto* setting = Find(ModelSettings(), key);
        if (setting == nullptr && Find(EngineSettings(), key) == nullptr) {
          Error(Place(at), UnknownKey(key, known));
          return;
        }
        AddScalar(fmt::format("{}.{}", shown, key), key, value,
                  setting != nullptr && setting->is_path, draft.assignments);
      });
    }
  }

  // ---- environment and flags ----

  void ReadEnvironment() {
    std::map<std::string, std::string> keys;  // by the variable's name
    std::vector<std::string> names;
    for (const SettingSummary& setting : SettingSummaries()) {
      keys.emplace(EnvironmentOf(setting.key), setting.key);
      names.push_back(EnvironmentOf(setting.key));
    }
    for (const auto& [name, value] : sources_.environment) {
      const std::string place = "environment variable " + name;
      if (const auto found = keys.find(name); found != keys.end()) {
        AddOverride({found->second, value, place});
      } else if (name != "RERANKD_CONFIG") {
        // Others may use the prefix too (Kubernetes does, for a service named rerankd), so only
        // what looks like a slip of the pen is an error.
        if (const auto nearest = NearestWord(name, names)) {
          Error(place, fmt::format("unknown; did you mean {}?", *nearest));
        }
      }
    }
  }

  void AddOverride(Assignment assignment) {
    constexpr std::string_view kModel = "model.";
    constexpr std::string_view kEngine = "engine.";
    if (assignment.key.starts_with(kModel)) {
      assignment.key.erase(0, kModel.size());
      single_model_.push_back(std::move(assignment));
    } else if (assignment.key.starts_with(kEngine)) {
      assignment.key.erase(0, kEngine.size());
      engine_.push_back(std::move(assignment));
    } else {
      server_.push_back(std::move(assignment));
    }
  }

  // ---- both ----

  template <typename T>
  static const Setting<T>* Find(std::span<const Setting<T>> settings, std::string_view key) {
    const auto found = std::ranges::find(settings, key, &Setting<T>::key);
    return found == settings.end() ? nullptr : &*found;
  }

  // False when `settings` has no such key.
  template <typename T>
  bool Apply(std::span<const Setting<T>> settings, const Assignment& assignment, T& target) {
    const Setting<T>* const setting = Find(settings, assignment.key);
    if (setting == nullptr) return false;
    const absl::Status status = setting->parse(assignment.text, target);
    if (!status.ok()) {
      Error(assignment.place, fmt::format("{} {}, not \"{}\"", assignment.key,
                                          std::string(status.message()), assignment.text));
    }
    return true;
  }

  void BuildModels() {
    if (!models_given_) {
      drafts_.push_back({single_model_.empty() ? "" : single_model_.front().place, single_model_});
    }
    std::map<std::string, std::string> places;  // by name
    for (const ModelDraft& draft : drafts_) {
      const bool has_path = std::ranges::any_of(
          draft.assignments, [](const Assignment& a) { return a.key == "path"; });
      ModelEntry model = models_given_ || has_path ? ModelEntry() : sources_.default_model;
      model.engine = config_.engine;
      for (const Assignment& assignment : draft.assignments) {
        if (!Apply(ModelSettings(), assignment, model)) {
          Apply(EngineSettings(), assignment, model.engine);
        }
      }
      if (models_given_ && !has_path) Error(draft.place, "this model has no path");
      if (model.name.empty()) NameByPath(draft, model);
      const auto [taken, fresh] = places.emplace(model.name, draft.place);
      if (!fresh && !model.name.empty()) {
        Error(
            draft.place,
            fmt::format("a model named \"{}\" stands at {} already; give one of them another name",
                        model.name, taken->second));
      }
      if (model.max_tokens != 0 && model.query_max_tokens >= model.max_tokens) {
        Error(draft.place, fmt::format("query_max_tokens ({}) must be less than max_tokens ({})",
                                       model.query_max_tokens, model.max_tokens));
      }
      config_.models.push_back(std::move(model));
    }
  }

  void NameByPath(const ModelDraft& draft, ModelEntry& model) {
    // "/models/mini/" has an empty last part.
    const fs::path path = model.path.lexically_normal();
    const std::string name = (path.has_filename() ? path : path.parent_path()).filename().string();
    if (name.empty()) return;
    ModelEntry named;
    if (Find(ModelSettings(), "name")->parse(name, named).ok()) {
      model.name = name;
    } else {
      Error(draft.place,
            fmt::format("\"{}\", the last part of the model's path, cannot be its name; "
                        "give it a name",
                        name));
    }
  }

  const ConfigSources& sources_;
  std::string file_;
  fs::path base_;
  bool models_given_ = false;
  std::vector<Assignment> server_;
  std::vector<Assignment> engine_;
  std::vector<ModelDraft> drafts_;
  std::vector<Assignment> single_model_;
  ServerConfig config_;
  std::vector<std::string> errors_;
};

// A mapping entry of every setting that has a value, sections as nested mappings.
template <typename T>
void Emit(YAML::Emitter& out, std::span<const Setting<T>> settings, const T& source) {
  std::string open_section;
  for (const Setting<T>& setting : settings) {
    const std::string value = setting.format(source);
    if (value.empty()) continue;
    const size_t dot = setting.key.find('.');
    const std::string section = dot == std::string::npos ? "" : setting.key.substr(0, dot);
    if (section != open_section) {
      if (!open_section.empty()) out << YAML::EndMap;
      if (!section.empty()) out << YAML::Key << section << YAML::Value << YAML::BeginMap;
      open_section = section;
    }
    out << YAML::Key << (section.empty() ? setting.key : setting.key.substr(dot + 1));
    out << YAML::Value << value;
  }
  if (!open_section.empty()) out << YAML::EndMap;
}

}  // namespace

LoadedConfig LoadConfig(const ConfigSources& sources) {
  if (!sources.file) return Loader(sources).Finish();
  const absl::StatusOr<std::string> text = ReadFile(*sources.file, kMaxFileBytes);
  if (!text.ok()) return {{}, {std::string(text.status().message())}};
  return LoadConfig(sources, *text, *sources.file);
}

LoadedConfig LoadConfig(const ConfigSources& sources, const std::string& yaml,
                        const std::filesystem::path& file) {
  Loader loader(sources);
  loader.ReadYaml(yaml, file);
  return loader.Finish();
}

std::string FormatConfig(const ServerConfig& config) {
  YAML::Emitter out;
  out << YAML::BeginMap;
  Emit(out, ServerSettings(), config);
  out << YAML::Key << "engine" << YAML::Value << YAML::BeginMap;
  Emit(out, EngineSettings(), config.engine);
  out << YAML::EndMap << YAML::Key << "models" << YAML::Value << YAML::BeginSeq;
  for (const ModelEntry& model : config.models) {
    out << YAML::BeginMap;
    Emit(out, ModelSettings(), model);
    Emit(out, EngineSettings(), model.engine);
    out << YAML::EndMap;
  }
  out << YAML::EndSeq << YAML::EndMap;
  return fmt::format("{}\n", out.c_str());
}

}  // namespace rerankd
