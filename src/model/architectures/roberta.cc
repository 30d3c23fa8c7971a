#include "model/architectures/roberta.h"

#include <ATen/ops/tanh.h>

#include <string_view>

#include "model/architectures/encoder.h"

namespace rerankd {
namespace {

constexpr EncoderNames kNames{.prefix = "roberta."};

// Buffers that some releases of transformers store, and what only pre-training or other heads read.
constexpr std::string_view kTolerated[] = {"embeddings.position_ids", "embeddings.token_type_ids",
                                           "pooler.", "lm_head."};

}  // namespace

absl::StatusOr<std::unique_ptr<Architecture>> LoadRobertaCrossEncoder(const ModelConfig& config,
                                                                      Weights& weights,
                                                                      c10::ScalarType precision) {
  return LoadCrossEncoder(
      kNames,
      {.dense = "classifier.dense", .activation = at::tanh, .classifier = "classifier.out_proj"},
      kTolerated, config, weights, precision);
}

absl::StatusOr<std::unique_ptr<Architecture>> LoadRobertaBiEncoder(const ModelConfig& config,
                                                                   Weights& weights,
                                                                   c10::ScalarType precision) {
  return LoadBiEncoder(kNames, kTolerated, config, weights, precision);
}

}  // namespace rerankd
