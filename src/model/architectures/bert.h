// BERT: an encoder and, over it, a classification head (cross-encoder) or a pooling (bi-encoder).
#pragma once

#include <memory>

#include "model/architectures/architecture.h"

namespace rerankd {

// BertForSequenceClassification with one label.
absl::StatusOr<std::unique_ptr<Architecture>> LoadBertCrossEncoder(const ModelConfig& config,
                                                                   Weights& weights,
                                                                   c10::ScalarType precision);

// BertModel under a sentence-transformers pooling.
absl::StatusOr<std::unique_ptr<Architecture>> LoadBertBiEncoder(const ModelConfig& config,
                                                                Weights& weights,
                                                                c10::ScalarType precision);

}  // namespace rerankd
