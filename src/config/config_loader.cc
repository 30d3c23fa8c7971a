#include "config/config_loader.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "config/settings.h"
#include "config/values.h"
#include "config/yaml_documents.h"
#include "config/yaml_json.h"
#include "hub/model_id.h"
#include "providers/registry.h"
#include "service/service_options.h"
#include "util/address.h"
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
  std::string place;   // "rerankd.yaml:3", "environment variable RERANKD_LISTEN", "flag --listen"
  fs::path base = {};  // where a relative path in it starts; empty: the working directory
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

// Kubernetes gives every container such variables for each service of its namespace: for one named
// rerankd-model, RERANKD_MODEL_SERVICE_HOST, RERANKD_MODEL_PORT, RERANKD_MODEL_PORT_50051_TCP_ADDR.
bool IsOfKubernetes(std::string_view name) {
  if (name.ends_with("_SERVICE_HOST") || name.ends_with("_PORT")) return true;
  if (name.find("_SERVICE_PORT_") != std::string_view::npos) return true;
  constexpr std::string_view kPort = "_PORT_";
  const size_t port = name.find(kPort);
  return port != std::string_view::npos && port + kPort.size() < name.size() &&
         name[port + kPort.size()] >= '0' && name[port + kPort.size()] <= '9';
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
      if (const std::optional<YAML::Mark> more = AfterTheFirstDocument(text)) {
        Error(fmt::format("{}:{}", file_, more->line + 1),
              "the file must be one YAML document; what follows here, behind a second \"---\" or a "
              "bracket too many, would be ignored");
        return;
      }
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
    CheckTls();
    CheckPortFile();
    CheckMetricsAddress();
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
  template <typename T>
  void AddValue(std::string_view shown_key, const Setting<T>& setting, const YAML::Node& value,
                std::vector<Assignment>& to) {
    if (setting.is_list && value.IsSequence()) {
      AddList(shown_key, setting.key, value, to);
      return;
    }
    if (setting.is_map && value.IsMap()) {
      if (const absl::StatusOr<std::string> json = JsonOf(value); json.ok()) {
        to.push_back({setting.key, *json, Place(value)});
      } else {
        Error(Place(value), fmt::format("{} {}", shown_key, std::string(json.status().message())));
      }
      return;
    }
    if (!value.IsScalar()) {
      Error(Place(value), fmt::format("{} {}", shown_key,
                                      value.IsNull()    ? "has no value"
                                      : setting.is_list ? "must be a list of values"
                                                        : "must be a single value"));
      return;
    }
    std::string text = value.Scalar();
    if (setting.is_path && !text.empty()) text = (base_ / text).string();
    to.push_back({setting.key, std::move(text), Place(value), base_});
  }

  void AddList(std::string_view shown_key, const std::string& key, const YAML::Node& list,
               std::vector<Assignment>& to) {
    std::string text;
    for (const auto& value : list) {
      if (!value.IsScalar()) {
        Error(Place(value), fmt::format("{} must be a list of single values", shown_key));
        return;
      }
      text += (text.empty() ? "" : ",") + value.Scalar();
    }
    if (list.size() > 0) to.push_back({key, std::move(text), Place(list)});
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
        AddValue(key, *setting, value, server_);
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
        AddValue(fmt::format("{}.{}", name, key), *setting, value, to);
      }
    });
  }

  void ReadModels(const YAML::Node& models) {
    models_given_ = true;
    if (!models.IsSequence() || models.size() == 0) {
      Error(
          Place(models),
          "models must be a list of one model or more, each a mapping with at least a model; leave "
          "it out for the default model");
      return;
    }
    std::vector<std::string> known = Keys(ModelSettings());
    for (const std::string& key : Keys(EngineSettings())) known.push_back(key);
    for (size_t i = 0; i < models.size(); ++i) {
      const YAML::Node& model = models[i];
      const std::string shown = fmt::format("models[{}]", i);
      if (!model.IsMap()) {
        Error(Place(model), shown + " must be a mapping, with at least a model");
        continue;
      }
      ModelDraft& draft = drafts_.emplace_back(ModelDraft{Place(model), {}});
      ForEach(model, [&](const std::string& key, const YAML::Node& at, const YAML::Node& value) {
        const std::string shown_key = fmt::format("{}.{}", shown, key);
        if (const auto* setting = Find(ModelSettings(), key)) {
          AddValue(shown_key, *setting, value, draft.assignments);
        } else if (const auto* engine_setting = Find(EngineSettings(), key)) {
          AddValue(shown_key, *engine_setting, value, draft.assignments);
        } else {
          Error(Place(at), UnknownKey(key, known));
        }
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
      } else if (name != "RERANKD_CONFIG" && !IsOfKubernetes(name)) {
        // Others may use the prefix too, so only what looks like a slip of the pen is an error.
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
      Error(assignment.place,
            fmt::format("{} {}, not \"{}\"", assignment.key, std::string(status.message()),
                        setting->shown(assignment.text)));
    }
    return true;
  }

  void CheckTls() {
    const TlsFiles& tls = config_.tls;
    if (tls.certificate.empty() == tls.key.empty() && (tls.enabled() || tls.client_ca.empty())) {
      return;
    }
    const auto first = std::ranges::find_if(
        server_, [](const Assignment& one) { return one.key.starts_with("tls."); });
    Error(first == server_.end() ? "tls" : first->place,
          "tls needs both certificate and key, and client_ca needs them too");
  }

  // Whoever waits for the file would read a port that does not exist.
  void CheckPortFile() {
    const auto has_port = [](const std::string& address) {
      const auto parsed = ParseListenAddress(address);
      return parsed.ok() && parsed->unix_path.empty();
    };
    if (config_.port_file.empty() || std::ranges::any_of(config_.service.listen, has_port)) return;
    Error(
        PlaceOf("port_file"),
        "port_file has no port to hold: listen names only Unix sockets, and whoever waits for the "
        "server can wait until it accepts connections there");
  }

  // They are on a listener of their own, which would find the port taken.
  void CheckMetricsAddress() {
    const auto metrics = ParseListenAddress(config_.metrics.listen);
    const auto is_taken = [&metrics](const std::string& address) {
      const auto parsed = ParseListenAddress(address);
      return parsed.ok() && Overlap(*parsed, *metrics);
    };
    if (!metrics.ok() || std::ranges::none_of(config_.service.listen, is_taken)) return;
    Error(PlaceOf("metrics.listen"),
          "metrics.listen must be another address than those of listen, of which 0.0.0.0 and [::] "
          "are all at once: metrics need a port of their own");
  }

  // Where the value of a setting that is in effect was written.
  std::string PlaceOf(std::string_view key) const {
    const auto last = std::ranges::find(server_.rbegin(), server_.rend(), key, &Assignment::key);
    return last == server_.rend() ? std::string(key) : last->place;
  }

  void BuildModels() {
    if (!models_given_) {
      drafts_.push_back({single_model_.empty() ? "" : single_model_.front().place, single_model_});
    }
    for (ModelDraft& draft : drafts_) {
      if (!models_given_) KeepLastSource(draft);
      const Assignment* const model_id = Given(draft, "model");
      const Assignment* const path = Given(draft, "path");
      const bool has_source = model_id != nullptr || path != nullptr || IsHosted(draft);
      ModelEntry model = models_given_ || has_source ? ModelEntry() : sources_.default_model;
      model.engine = config_.engine;
      for (const Assignment& assignment : draft.assignments) {
        if (!Apply(ModelSettings(), assignment, model)) {
          Apply(EngineSettings(), assignment, model.engine);
        }
      }
      if (models_given_ && !has_source) Error(draft.place, "this model has neither model nor path");
      CheckScopes(draft, model);
      if (model.kind == EntryKind::kHosted) {
        FinishHosted(draft, model);
      } else {
        if (model_id != nullptr && path != nullptr) {
          Error(draft.place, "both model and path say which model it is; leave one of them out");
        }
        if (model_id != nullptr) ResolveModel(*model_id, model);
        CheckComputedHere(draft, model);
      }
      CheckDefault(draft, model);
      if (model.name.empty()) NameBySource(draft, model);
      ClaimNames(draft, model);
      config_.models.push_back(std::move(model));
    }
    CheckFallbacks();
    PutDefaultFirst();
  }

  static bool IsHosted(const ModelDraft& draft) {
    const Assignment* const kind = Given(draft, "kind");
    return kind != nullptr &&
           std::ranges::find(ProviderKinds(), kind->text) != ProviderKinds().end();
  }

  // Settings that would have no effect are mistakes.
  void CheckScopes(const ModelDraft& draft, const ModelEntry& model) {
    const bool hosted = model.kind == EntryKind::kHosted;
    for (const Assignment& assignment : draft.assignments) {
      const auto* const setting = Find(ModelSettings(), assignment.key);
      const EntryScope scope = setting != nullptr ? setting->scope : EntryScope::kComputedHere;
      if (scope == EntryScope::kComputedHere && hosted) {
        Error(assignment.place, fmt::format("{} is of models that this server computes, and {} "
                                            "hosts this one",
                                            assignment.key, model.provider.kind));
      } else if (scope == EntryScope::kHosted && !hosted) {
        Error(assignment.place,
              fmt::format("{} is of models that a provider hosts, and this one is a {}; kind says "
                          "which provider",
                          assignment.key, model.kind_name()));
      }
    }
  }

  void FinishHosted(const ModelDraft& draft, ModelEntry& model) {
    ProviderOptions& provider = model.provider;
    provider.model = std::exchange(model.hub_id, "");
    provider.truncation = model.truncation;
    provider.score_kind = model.score_kind;
    provider.query_prompt = model.query_prompt.value_or("");
    provider.document_prompt = model.document_prompt.value_or("");
    model.device.clear();
    model.precision.clear();
    const auto made = MakeProvider(provider);
    if (made.ok()) {
      CheckSplit(draft, model, **made);
      return;
    }
    const absl::Status& status = made.status();
    // It begins with the setting that is at fault.
    const std::string message(status.message());
    const Assignment* const at = Given(draft, message.substr(0, message.find(' ')));
    Error(at != nullptr ? at->place : draft.place, message);
  }

  void CheckSplit(const ModelDraft& draft, const ModelEntry& model, const Provider& made) {
    if (!model.remote.split) return;
    const std::string& place = Given(draft, "split")->place;
    if (made.limits().listwise) {
      Error(place, fmt::format("split is not for {}, which scores the documents of a call together",
                               model.provider.model));
    } else if (made.limits().max_documents == 0) {
      Error(place,
            fmt::format("split needs max_documents: how many documents {} takes is not known",
                        model.provider.kind));
    }
  }

  // One step only: who stands in for another has nobody to stand in for it, so that no call goes in
  // circles.
  void CheckFallbacks() {
    const auto find = [&](const std::string& name) {
      return std::ranges::find_if(config_.models, [&](const ModelEntry& model) {
        return model.name == name || std::ranges::find(model.aliases, name) != model.aliases.end();
      });
    };
    for (size_t i = 0; i < drafts_.size(); ++i) {
      for (const std::string& name : config_.models[i].remote.fallback) {
        const std::string& place = Given(drafts_[i], "fallback")->place;
        const auto other = find(name);
        if (other == config_.models.end()) {
          Error(place, fmt::format("fallback \"{}\" is no model of this configuration", name));
        } else if (&*other == &config_.models[i]) {
          Error(place, fmt::format("fallback \"{}\" is the model itself", name));
        } else if (!other->remote.fallback.empty()) {
          Error(place, fmt::format("fallback \"{}\" has a fallback itself; name both here", name));
        }
      }
    }
  }

  // What the draft says last about `key`.
  static const Assignment* Given(const ModelDraft& draft, std::string_view key) {
    const auto found = std::find_if(draft.assignments.rbegin(), draft.assignments.rend(),
                                    [&](const Assignment& a) { return a.key == key; });
    return found == draft.assignments.rend() ? nullptr : &*found;
  }

  // A flag that says which model to serve wins over a variable that says it the other way.
  static void KeepLastSource(ModelDraft& draft) {
    const auto names_model = [](const Assignment& a) {
      return a.key == "model" || a.key == "path";
    };
    const auto last =
        std::find_if(draft.assignments.rbegin(), draft.assignments.rend(), names_model);
    if (last == draft.assignments.rend()) return;
    const std::string kept = last->key;
    std::erase_if(draft.assignments,
                  [&](const Assignment& a) { return names_model(a) && a.key != kept; });
  }

  // `model:` as a folder, where it is one, or as an id.
  void ResolveModel(const Assignment& given, ModelEntry& model) {
    const std::string text = std::exchange(model.hub_id, "");
    if (text.empty()) return;  // was reported
    const bool home = text == "~" || text.starts_with("~/");
    if (home && sources_.home.empty()) {
      Error(given.place, "model: \"~\" is the home folder, and HOME is not set");
      return;
    }
    const fs::path folder =
        home ? sources_.home / fs::path(text.substr(1)).relative_path() : given.base / text;
    const bool written_as_folder = home || text.starts_with('/') || text.starts_with("./") ||
                                   text.starts_with("../") || text == "." || text == "..";
    std::error_code error;
    if (written_as_folder || fs::is_directory(folder, error)) {
      model.path = folder;
      return;
    }
    model.hub_id = text;
    if (const auto id = MakeModelId(text); !id.ok()) {
      Error(given.place, fmt::format("model: {}; and there is no such folder",
                                     std::string(id.status().message())));
    }
  }

  void CheckComputedHere(const ModelDraft& draft, const ModelEntry& model) {
    if (const Assignment* const revision = Given(draft, "revision");
        revision != nullptr && !model.revision.empty()) {
      if (model.hub_id.empty()) {
        Error(revision->place, "revision is of models of the hub, and this one is a folder");
      } else if (const auto id = MakeModelId("x", model.revision); !id.ok()) {
        Error(revision->place, "revision: " + std::string(id.status().message()));
      }
    }
    if (model.unload_after.count() != 0 && model.load == LoadTime::kStart) {
      Error(draft.place,
            "unload_after is of models that are loaded on demand; this one needs \"load: "
            "on_demand\" for it");
    }
    if (model.max_tokens != 0 && model.query_max_tokens >= model.max_tokens) {
      Error(draft.place, fmt::format("query_max_tokens ({}) must be less than max_tokens ({})",
                                     model.query_max_tokens, model.max_tokens));
    }
    if (model.score_kind == ScoreKind::kProvider) {
      Error(Given(draft, "score_kind")->place,
            "score_kind provider is of models that a provider hosts; this one has raw and sigmoid");
    }
  }

  void CheckDefault(const ModelDraft& draft, const ModelEntry& model) {
    if (const Assignment* const is_default = Given(draft, "default"); model.is_default) {
      const std::string place = is_default != nullptr ? is_default->place : draft.place;
      if (!default_place_.empty()) {
        Error(place, fmt::format("the model at {} is the default already", default_place_));
      }
      default_place_ = place;
    }
  }

  void NameBySource(const ModelDraft& draft, ModelEntry& model) {
    if (model.kind == EntryKind::kHosted) {
      const ProviderOptions& provider = model.provider;
      TakeName(draft, provider.model.empty() ? provider.kind : provider.model,
               "the provider's name of the model", model);
      return;
    }
    if (!model.hub_id.empty()) {
      model.name = model.hub_id;
      if (model.name == kServiceName) RefuseName(draft, model.name, "the model's id");
      return;
    }
    // "/models/mini/" has an empty last part.
    std::error_code ignored;  // the folder itself is looked for later
    const fs::path path = fs::absolute(model.path, ignored).lexically_normal();
    const std::string name = (path.has_filename() ? path : path.parent_path()).filename().string();
    if (!name.empty()) TakeName(draft, name, "the last part of the model's path", model);
  }

  void TakeName(const ModelDraft& draft, const std::string& name, std::string_view what,
                ModelEntry& model) {
    ModelEntry named;
    if (Find(ModelSettings(), "name")->parse(name, named).ok()) {
      model.name = name;
    } else {
      RefuseName(draft, name, what);
    }
  }

  void RefuseName(const ModelDraft& draft, std::string_view name, std::string_view what) {
    Error(draft.place, fmt::format("\"{}\", {}, cannot be its name; give it a name", name, what));
  }

  // Each name and alias belongs to one model.
  void ClaimNames(const ModelDraft& draft, const ModelEntry& model) {
    const auto claim = [&](const std::string& name, const std::string& place) {
      if (name.empty()) return;
      const auto [taken, fresh] = names_.emplace(name, place);
      if (fresh) return;
      Error(place,
            fmt::format("a model named \"{}\" stands at {} already; give one of them another "
                        "name",
                        name, taken->second));
    };
    claim(model.name, draft.place);
    for (const std::string& alias : model.aliases) claim(alias, Given(draft, "aliases")->place);
  }

  void PutDefaultFirst() {
    const auto first = config_.models.begin();
    const auto chosen = std::ranges::find_if(config_.models, &ModelEntry::is_default);
    if (chosen != config_.models.end()) std::rotate(first, chosen, chosen + 1);
    if (!config_.models.empty()) config_.models.front().is_default = true;
  }

  const ConfigSources& sources_;
  std::string file_;
  fs::path base_;
  bool models_given_ = false;
  std::vector<Assignment> server_;
  std::vector<Assignment> engine_;
  std::vector<ModelDraft> drafts_;
  std::vector<Assignment> single_model_;
  std::map<std::string, std::string> names_;  // of models, and where each was given
  std::string default_place_;
  ServerConfig config_;
  std::vector<std::string> errors_;
};

// A mapping entry of every setting that has a value, sections as nested mappings.
template <typename T>
void Emit(YAML::Emitter& out, std::span<const Setting<T>> settings, const T& source,
          EntryScope scope = EntryScope::kAll) {
  std::string open_section;
  for (const Setting<T>& setting : settings) {
    if (setting.scope != EntryScope::kAll && setting.scope != scope) continue;
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
    out << YAML::Value;
    if (setting.is_list) {
      out << YAML::Flow << YAML::BeginSeq;
      for (size_t begin = 0; begin <= value.size();) {
        const size_t end = std::min(value.find(',', begin), value.size());
        out << value.substr(begin, end - begin);
        begin = end + 1;
      }
      out << YAML::EndSeq;
    } else {
      out << value;
    }
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
    const bool hosted = model.kind == EntryKind::kHosted;
    Emit(out, ModelSettings(), model, hosted ? EntryScope::kHosted : EntryScope::kComputedHere);
    if (!hosted) Emit(out, EngineSettings(), model.engine);
    out << YAML::EndMap;
  }
  out << YAML::EndSeq << YAML::EndMap;
  return fmt::format("{}\n", out.c_str());
}

}  // namespace rerankd
