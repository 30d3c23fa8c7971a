// ELECTRA's discriminator: BERT with embeddings of a width of their own.
#pragma once

#include <memory>

#include "model/architectures/architecture.h"

namespace rerankd {

// ElectraForSequenceClassification with one label or two.
absl::StatusOr<std::unique_ptr<Architecture>> LoadElectraCrossEncoder(const ModelConfig& config,
                                                                      Weights& weights,
                                                                      c10::ScalarType precision);

// ElectraModel under a sentence-transformers pooling.
absl::StatusOr<std::unique_ptr<Architecture>> LoadElectraBiEncoder(const ModelConfig& config,
                                                                   Weights& weights,
                                                                   c10::ScalarType precision);

}  // namespace rerankd
