// BERT. Its pooler, made for pre-training, is the first half of the classification head.
#pragma once

#include <memory>

#include "model/architectures/architecture.h"

namespace rerankd {

// BertForSequenceClassification with one label or two.
absl::StatusOr<std::unique_ptr<Architecture>> LoadBertCrossEncoder(const ModelConfig& config,
                                                                   Weights& weights,
                                                                   c10::ScalarType precision);

// BertModel under a sentence-transformers pooling.
absl::StatusOr<std::unique_ptr<Architecture>> LoadBertBiEncoder(const ModelConfig& config,
                                                                Weights& weights,
                                                                c10::ScalarType precision);

}  // namespace rerankd
