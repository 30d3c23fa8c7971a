// From a file, the environment and flags to a ServerConfig.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/server_config.h"

namespace rerankd {

// Where settings come from; what comes later in this list wins.
struct ConfigSources {
  ModelEntry default_model;                   // served when no model is configured
  std::filesystem::path home;                 // what "~" stands for; empty: nothing
  std::optional<std::filesystem::path> file;  // YAML
  std::vector<std::pair<std::string, std::string>> environment;  // RERANKD_… variables
  std::vector<std::pair<std::string, std::string>> flags;        // setting key ("log.level"), value
};

struct LoadedConfig {
  ServerConfig config;
  // All that is wrong, each with its place, for example
  //   rerankd.yaml:3: unknown key "lisen"; did you mean "listen"?
  // `config` means nothing unless this is empty.
  std::vector<std::string> errors;
};

// Never throws, whatever the file holds.
LoadedConfig LoadConfig(const ConfigSources& sources);

// The same with the file's text at hand; `file` names it in errors and is the base of its relative
// paths.
LoadedConfig LoadConfig(const ConfigSources& sources, const std::string& yaml,
                        const std::filesystem::path& file);

// YAML that LoadConfig() turns into the same `config` again.
std::string FormatConfig(const ServerConfig& config);

}  // namespace rerankd
