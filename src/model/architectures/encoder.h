// The encoder that BERT, RoBERTa, ELECTRA and DistilBERT have in common, and what stands on it: a
// classification head (cross-encoder) or a pooling (bi-encoder). The families differ in the names
// of their tensors and in details that ModelConfig knows; each has a file of its own beside this
// one.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "model/architectures/architecture.h"
#include "model/device.h"
#include "model/layers.h"
#include "model/model_config.h"
#include "model/packed_batch.h"
#include "model/weights.h"

namespace rerankd {

// What a family calls the tensors of one layer, after "<layers>.<number>.".
struct EncoderNames {
  std::string_view prefix;  // "bert.", which names may have or not
  std::string_view layers = "encoder.layer";
  std::string_view query = "attention.self.query";
  std::string_view key = "attention.self.key";
  std::string_view value = "attention.self.value";
  std::string_view attention_output = "attention.output.dense";
  std::string_view attention_norm = "attention.output.LayerNorm";
  std::string_view intermediate = "intermediate.dense";
  std::string_view output = "output.dense";
  std::string_view output_norm = "output.LayerNorm";
};

// Two small products over the first token's row: act(dense(x)), then a logit a label.
struct HeadNames {
  std::string_view dense;
  at::Tensor (*activation)(const at::Tensor& x);
  std::string_view classifier;
};

// Embeddings of words, positions and, where the family has them, types; then layers of attention
// and feed-forward, each with a residual and a layer norm after it. Products in `precision`; the
// residual stream, layer norms and softmax in fp32.
class Encoder {
 public:
  // Which rows of the last layer the caller reads.
  enum class Output {
    kAllTokens,
    kFirstTokens,  // one row a sequence: in the last layer nothing else is computed
  };

  static absl::StatusOr<Encoder> Load(const EncoderNames& names, const ModelConfig& config,
                                      Weights& weights, c10::ScalarType precision);

  // fp32 [rows of the batch, hidden], or [sequences, hidden].
  at::Tensor Forward(const PackedBatch& batch, Output output) const;

  const Placement& placement() const { return placement_; }

 private:
  struct Layer {
    Linear query;
    Linear key_value;
    Linear attention_output;
    LayerNorm attention_norm;
    Linear intermediate;
    Linear output;
    LayerNorm output_norm;
  };

  Encoder(const ModelConfig& config, c10::ScalarType precision, const Placement& placement,
          Embedding words, Embedding positions, LayerNorm norm);
  static absl::StatusOr<Layer> LoadLayer(const EncoderNames& names, const std::string& name,
                                         const ModelConfig& config, Weights& weights,
                                         c10::ScalarType precision);
  at::Tensor Embed(const PackedBatch& batch) const;
  at::Tensor AfterAttention(const Layer& layer, at::Tensor hidden, const at::Tensor& context) const;

  Placement placement_;
  int64_t heads_;
  HiddenAct act_;
  std::optional<int64_t> padding_id_;
  c10::ScalarType precision_;
  Embedding words_;
  Embedding positions_;
  std::optional<Embedding> types_;
  LayerNorm norm_;
  std::optional<Linear> project_;  // where embeddings are narrower or wider than the hidden rows
  std::vector<Layer> layers_;
};

// `tolerated`: what files of the family may hold beyond the network (see Weights::Finish).
absl::StatusOr<std::unique_ptr<Architecture>> LoadCrossEncoder(
    const EncoderNames& names, const HeadNames& head, std::span<const std::string_view> tolerated,
    const ModelConfig& config, Weights& weights, c10::ScalarType precision);
absl::StatusOr<std::unique_ptr<Architecture>> LoadBiEncoder(
    const EncoderNames& names, std::span<const std::string_view> tolerated,
    const ModelConfig& config, Weights& weights, c10::ScalarType precision);

}  // namespace rerankd
