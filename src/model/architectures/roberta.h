// RoBERTa, XLM-RoBERTa and CamemBERT: BERT whose positions count from after the padding id, under
// one prefix whatever the family is called.
#pragma once

#include <memory>

#include "model/architectures/architecture.h"

namespace rerankd {

// RobertaForSequenceClassification, or its namesakes, with one label or two.
absl::StatusOr<std::unique_ptr<Architecture>> LoadRobertaCrossEncoder(const ModelConfig& config,
                                                                      Weights& weights,
                                                                      c10::ScalarType precision);

// RobertaModel, or its namesakes, under a sentence-transformers pooling.
absl::StatusOr<std::unique_ptr<Architecture>> LoadRobertaBiEncoder(const ModelConfig& config,
                                                                   Weights& weights,
                                                                   c10::ScalarType precision);

}  // namespace rerankd
