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
#include "observability/metrics_options.h"
#include "observability/tracing_options.h"
#include "providers/provider_options.h"
#include "providers/remote_options.h"
#include "security/tls_options.h"
#include "service/service_options.h"

namespace rerankd {

// What a model entry is served by.
enum class EntryKind {
  kCrossEncoder,
  kBiEncoder,
  kHosted,  // by a provider, which ModelEntry::provider names
};

// When a model is loaded.
enum class LoadTime {
  kStart,     // before the server serves
  kOnDemand,  // for the first call that needs it
};

struct ModelEntry {
  // One of the two names a model that is computed here.
  std::filesystem::path path;  // its folder
  std::string hub_id;          // its name at the hub: "org/name"
  std::string revision;        // of hub_id: a branch, a tag or a commit; empty: main
  std::string name;
  std::vector<std::string> aliases;
  bool is_default = false;  // exactly one model is, after loading
  LoadTime load = LoadTime::kStart;
  std::chrono::milliseconds unload_after{0};  // without a call, if loaded on demand; 0: never
  EntryKind kind = EntryKind::kCrossEncoder;
  std::string device = "cpu";
  std::string precision = "fp32";
  size_t max_tokens = 0;        // 0: what the model allows
  size_t query_max_tokens = 0;  // 0: 256, or half of max_tokens where that is less
  Truncation truncation = Truncation::kOnlyDocument;
  std::optional<ScoreKind> score_kind;         // unset: what the model's folder says
  std::optional<std::string> query_prompt;     // unset: what the model's folder says
  std::optional<std::string> document_prompt;  // unset: what the model's folder says
  EngineOptions engine;
  // Of a hosted model. What both kinds of model have (truncation, score_kind, the prompts) is here,
  // too, once the configuration is loaded.
  ProviderOptions provider;
  RemoteOptions remote;

  // The word that the configuration has for the kind: "cross_encoder", "voyage".
  std::string kind_name() const {
    if (kind == EntryKind::kHosted) return provider.kind;
    return kind == EntryKind::kCrossEncoder ? "cross_encoder" : "bi_encoder";
  }
};

// What to do about a model that cannot be loaded at the start.
enum class OnError {
  kFail,  // do not start
  kSkip,  // serve the others
};

// Where models with a hub_id come from. Unset: what the environment says (HF_HUB_CACHE, …). The
// token comes from there alone: a configuration is no place for a secret.
struct HubSettings {
  std::filesystem::path cache_dir;
  std::string endpoint;
  std::optional<bool> offline;
};

struct ServerConfig {
  ServiceOptions service;
  TlsFiles tls;
  std::filesystem::path keys_file;  // of the API keys that calls need; empty: they need none
  LogOptions log;
  MetricsOptions metrics;
  TracingOptions tracing;
  EngineOptions engine;  // what model entries start from
  int tokenizer_threads = 0;
  std::chrono::milliseconds grace_period{30'000};
  std::filesystem::path port_file;
  OnError on_error = OnError::kFail;
  HubSettings hub;
  std::vector<ModelEntry> models;  // never empty after loading; the first is the default
};

}  // namespace rerankd
