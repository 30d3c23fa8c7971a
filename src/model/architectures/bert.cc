#include "model/architectures/bert.h"

#include <ATen/ops/tanh.h>

#include <string_view>

#include "model/architectures/encoder.h"

namespace rerankd {
namespace {

constexpr EncoderNames kNames{.prefix = "bert."};

// Stored by some releases of transformers, computed by all.
constexpr std::string_view kBuffers[] = {"embeddings.position_ids", "embeddings.token_type_ids"};
// In a bi-encoder's file also what only pre-training reads.
constexpr std::string_view kToleratedInBiEncoder[] = {
    "embeddings.position_ids", "embeddings.token_type_ids", "pooler.", "cls."};

}  // namespace

absl::StatusOr<std::unique_ptr<Architecture>> LoadBertCrossEncoder(const ModelConfig& config,
                                                                   Weights& weights,
                                                                   c10::ScalarType precision) {
  return LoadCrossEncoder(
      kNames, {.dense = "pooler.dense", .activation = at::tanh, .classifier = "classifier"},
      kBuffers, config, weights, precision);
}

absl::StatusOr<std::unique_ptr<Architecture>> LoadBertBiEncoder(const ModelConfig& config,
                                                                Weights& weights,
                                                                c10::ScalarType precision) {
  return LoadBiEncoder(kNames, kToleratedInBiEncoder, config, weights, precision);
}

}  // namespace rerankd
