// Everything that can be configured: the options of each layer, and the models to serve.
// What each setting means, how it is written and what it may be: settings.cc, one line each.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/types.h"
#include "engine/engine_options.h"
#include "observability/log_options.h"
#include "service/service_options.h"

namespace rerankd {

// What a model entry is served by.
enum class EntryKind { kCrossEncoder, kBiEncoder };

struct ModelEntry {
  std::string name;
  EntryKind kind = EntryKind::kCrossEncoder;
  std::filesystem::path path;
  std::string device = "cpu";
  std::string precision = "fp32";
  size_t max_tokens = 0;        // 0: what the model allows
  size_t query_max_tokens = 0;  // 0: 256, or half of max_tokens where that is less
  Truncation truncation = Truncation::kOnlyDocument;
  std::optional<ScoreKind> score_kind;  // unset: what the model's folder says
  EngineOptions engine;
};

struct ServerConfig {
  ServiceOptions service;
  LogOptions log;
  EngineOptions engine;  // what model entries start from
  int tokenizer_threads = 0;
  std::chrono::milliseconds grace_period{30'000};
  std::filesystem::path port_file;
  std::vector<ModelEntry> models;  // never empty after loading; the first is the default
};

}  // namespace rerankd
