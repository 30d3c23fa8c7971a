// The table of settings. One line here is a key of the file, an environment variable, a flag with
// its help, and a row of docs/OPERATIONS.md.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "config/server_config.h"

namespace rerankd {

// Which entries of `models` a setting is for.
enum class EntryScope { kAll, kComputedHere, kHosted };

// A value of a `T`.
template <typename T>
struct Setting {
  std::string key;       // in the file; a part before a dot is a section: "log.level"
  std::string form;      // what a value looks like
  std::string help;      // one sentence
  bool is_path = false;  // a relative value in a file is relative to the file's folder
  bool is_list = false;  // several values; in a file also as a list
  // An error says what would be right.
  std::function<absl::Status(std::string_view text, T& target)> parse;
  std::function<std::string(const T&)> format;  // empty: unset
  // How a message shows a text that was refused.
  std::function<std::string(std::string_view text)> shown;
  EntryScope scope = EntryScope::kAll;
  bool is_map = false;  // in a file also a mapping, which becomes JSON
};

// Of the server as a whole.
std::span<const Setting<ServerConfig>> ServerSettings();
// Of one model. In the file, the entries of `models` also take every key of EngineSettings().
std::span<const Setting<ModelEntry>> ModelSettings();
// Of the engine. In the file below `engine`, for all models, and in a model's own entry.
std::span<const Setting<EngineOptions>> EngineSettings();

// The same setting elsewhere: "log.level" is --log-level and RERANKD_LOG_LEVEL; "model.model" is
// just --model and RERANKD_MODEL.
std::string FlagOf(std::string_view key);
std::string EnvironmentOf(std::string_view key);

// Every setting that flags and environment can set, with its key there: those of the server, the
// engine's as "engine.KEY" and, for a single model, the model's as "model.KEY".
struct SettingSummary {
  std::string key;
  std::string form;
  std::string help;
  std::string default_value;
};
std::vector<SettingSummary> SettingSummaries();

// SettingSummaries() as a Markdown table, for docs/OPERATIONS.md.
std::string SettingsTable();

}  // namespace rerankd
