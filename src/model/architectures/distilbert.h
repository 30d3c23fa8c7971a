// DistilBERT: BERT without types, under names of its own.
#pragma once

#include <memory>

#include "model/architectures/architecture.h"

namespace rerankd {

// DistilBertForSequenceClassification with one label or two.
absl::StatusOr<std::unique_ptr<Architecture>> LoadDistilBertCrossEncoder(const ModelConfig& config,
                                                                         Weights& weights,
                                                                         c10::ScalarType precision);

// DistilBertModel under a sentence-transformers pooling.
absl::StatusOr<std::unique_ptr<Architecture>> LoadDistilBertBiEncoder(const ModelConfig& config,
                                                                      Weights& weights,
                                                                      c10::ScalarType precision);

}  // namespace rerankd
