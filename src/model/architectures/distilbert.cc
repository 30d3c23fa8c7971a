#include "model/architectures/distilbert.h"

#include <ATen/ops/relu.h>

#include <string_view>

#include "model/architectures/encoder.h"

namespace rerankd {
namespace {

constexpr EncoderNames kNames{.prefix = "distilbert.",
                              .layers = "transformer.layer",
                              .query = "attention.q_lin",
                              .key = "attention.k_lin",
                              .value = "attention.v_lin",
                              .attention_output = "attention.out_lin",
                              .attention_norm = "sa_layer_norm",
                              .intermediate = "ffn.lin1",
                              .output = "ffn.lin2",
                              .output_norm = "output_layer_norm"};

// Stored by some releases of transformers, computed by all.
constexpr std::string_view kBuffers[] = {"embeddings.position_ids"};
// In a bi-encoder's file also what only pre-training reads.
constexpr std::string_view kToleratedInBiEncoder[] = {"embeddings.position_ids", "vocab_transform.",
                                                      "vocab_layer_norm.", "vocab_projector."};

}  // namespace

absl::StatusOr<std::unique_ptr<Architecture>> LoadDistilBertCrossEncoder(
    const ModelConfig& config, Weights& weights, c10::ScalarType precision) {
  return LoadCrossEncoder(
      kNames, {.dense = "pre_classifier", .activation = at::relu, .classifier = "classifier"},
      kBuffers, config, weights, precision);
}

absl::StatusOr<std::unique_ptr<Architecture>> LoadDistilBertBiEncoder(const ModelConfig& config,
                                                                      Weights& weights,
                                                                      c10::ScalarType precision) {
  return LoadBiEncoder(kNames, kToleratedInBiEncoder, config, weights, precision);
}

}  // namespace rerankd
