#include "model/architectures/electra.h"

#include <ATen/ops/gelu.h>

#include <string_view>

#include "model/architectures/encoder.h"

namespace rerankd {
namespace {

constexpr EncoderNames kNames{.prefix = "electra."};

// Stored by some releases of transformers, computed by all.
constexpr std::string_view kBuffers[] = {"embeddings.position_ids", "embeddings.token_type_ids"};
// In a bi-encoder's file also what only pre-training reads.
constexpr std::string_view kToleratedInBiEncoder[] = {
    "embeddings.position_ids", "embeddings.token_type_ids", "discriminator_predictions.",
    "generator_predictions.", "generator_lm_head."};

at::Tensor Gelu(const at::Tensor& x) { return at::gelu(x); }

}  // namespace

absl::StatusOr<std::unique_ptr<Architecture>> LoadElectraCrossEncoder(const ModelConfig& config,
                                                                      Weights& weights,
                                                                      c10::ScalarType precision) {
  return LoadCrossEncoder(
      kNames,
      {.dense = "classifier.dense", .activation = Gelu, .classifier = "classifier.out_proj"},
      kBuffers, config, weights, precision);
}

absl::StatusOr<std::unique_ptr<Architecture>> LoadElectraBiEncoder(const ModelConfig& config,
                                                                   Weights& weights,
                                                                   c10::ScalarType precision) {
  return LoadBiEncoder(kNames, kToleratedInBiEncoder, config, weights, precision);
}

}  // namespace rerankd
