// What a caller may know about a model that is served.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/types.h"

namespace rerankd {

// What stands in the configuration is known at once; the rest once the model was loaded.
struct ModelInfo {
  std::string name;                  // as requests name it
  std::vector<std::string> aliases;  // other names for it
  std::string kind;                  // "cross_encoder", "bi_encoder", …
  std::string architecture;          // of config.json, for example "BertForSequenceClassification"
  std::string device;                // "cpu"
  std::string precision;             // arithmetic of the large products: "fp32", "bf16"
  size_t max_tokens = 0;             // longest sequence, special tokens included
  uint64_t parameters = 0;
  std::optional<ScoreKind> default_score_kind;
  Truncation default_truncation = Truncation::kOnlyDocument;
};

enum class ModelState {
  kNotLoaded,
  kLoading,
  kReady,      // takes calls, also while it is loaded again
  kFailed,     // could not be loaded
  kUnloading,  // answers what it had accepted
};

struct ModelStatus {
  ModelState state = ModelState::kNotLoaded;
  // Why the last attempt to load it failed; also of a model that is ready, when it could not be
  // loaded again, or what else is wrong with it.
  std::string error;
  // A call to it can be answered: it is ready, or would be loaded for the call.
  bool can_serve = false;
  ModelInfo info;
};

}  // namespace rerankd
