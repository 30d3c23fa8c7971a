// What a caller may know about a model that is served.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/types.h"

namespace rerankd {

struct ModelInfo {
  std::string name;          // as requests name it
  std::string kind;          // "cross_encoder", "bi_encoder", …
  std::string architecture;  // of config.json, for example "BertForSequenceClassification"
  std::string device;        // "cpu"
  std::string precision;     // arithmetic of the large products: "fp32", "bf16"
  size_t max_tokens = 0;     // longest sequence, special tokens included
  uint64_t parameters = 0;
  ScoreKind default_score_kind = ScoreKind::kRaw;
  Truncation default_truncation = Truncation::kOnlyDocument;
};

}  // namespace rerankd
