#include "model/architectures/bert.h"

#include <ATen/ops/add.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/attention.h"
#include "model/layers.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

// Which rows of the last layer the caller reads.
enum class Output {
  kAllTokens,
  kFirstTokens,  // one row a sequence: in the last layer nothing else is computed
};

struct BertLayer {
  static absl::StatusOr<BertLayer> Load(const ModelConfig& config, Weights& weights,
                                        const std::string& name, c10::ScalarType precision);

  Linear query;
  Linear key_value;
  Linear attention_output;
  LayerNorm attention_norm;
  Linear intermediate;
  Linear output;
  LayerNorm output_norm;
};

absl::StatusOr<BertLayer> BertLayer::Load(const ModelConfig& config, Weights& weights,
                                          const std::string& name, c10::ScalarType precision) {
  const int64_t hidden = config.hidden_size;
  const int64_t inner = config.intermediate_size;
  const double eps = config.layer_norm_eps;
  const std::string attention = name + ".attention";
  RERANKD_ASSIGN_OR_RETURN(
      Linear query, Linear::Load(weights, {attention + ".self.query"}, hidden, hidden, precision));
  RERANKD_ASSIGN_OR_RETURN(
      Linear key_value, Linear::Load(weights, {attention + ".self.key", attention + ".self.value"},
                                     hidden, hidden, precision));
  RERANKD_ASSIGN_OR_RETURN(
      Linear attention_output,
      Linear::Load(weights, {attention + ".output.dense"}, hidden, hidden, precision));
  RERANKD_ASSIGN_OR_RETURN(LayerNorm attention_norm,
                           LayerNorm::Load(weights, attention + ".output.LayerNorm", hidden, eps));
  RERANKD_ASSIGN_OR_RETURN(
      Linear intermediate,
      Linear::Load(weights, {name + ".intermediate.dense"}, hidden, inner, precision));
  RERANKD_ASSIGN_OR_RETURN(
      Linear output, Linear::Load(weights, {name + ".output.dense"}, inner, hidden, precision));
  RERANKD_ASSIGN_OR_RETURN(LayerNorm output_norm,
                           LayerNorm::Load(weights, name + ".output.LayerNorm", hidden, eps));
  return BertLayer{std::move(query),          std::move(key_value),    std::move(attention_output),
                   std::move(attention_norm), std::move(intermediate), std::move(output),
                   std::move(output_norm)};
}

// Products in `precision`; the residual stream, layer norms and softmax in fp32.
class BertEncoder {
 public:
  static absl::StatusOr<BertEncoder> Load(const ModelConfig& config, Weights& weights,
                                          c10::ScalarType precision);

  // fp32 [rows of the batch, hidden], or [sequences, hidden].
  at::Tensor Forward(const PackedBatch& batch, Output output) const;

 private:
  BertEncoder(const ModelConfig& config, Embedding words, Embedding positions, Embedding types,
              LayerNorm norm, std::vector<BertLayer> layers, c10::ScalarType precision)
      : heads_(config.heads),
        act_(config.hidden_act),
        precision_(precision),
        words_(std::move(words)),
        positions_(std::move(positions)),
        types_(std::move(types)),
        norm_(std::move(norm)),
        layers_(std::move(layers)) {}

  int64_t heads_;
  HiddenAct act_;
  c10::ScalarType precision_;
  Embedding words_;
  Embedding positions_;
  Embedding types_;
  LayerNorm norm_;
  std::vector<BertLayer> layers_;
};

absl::StatusOr<BertEncoder> BertEncoder::Load(const ModelConfig& config, Weights& weights,
                                              c10::ScalarType precision) {
  const int64_t hidden = config.hidden_size;
  RERANKD_ASSIGN_OR_RETURN(
      Embedding words,
      Embedding::Load(weights, "embeddings.word_embeddings.weight", config.vocab_size, hidden));
  RERANKD_ASSIGN_OR_RETURN(Embedding positions,
                           Embedding::Load(weights, "embeddings.position_embeddings.weight",
                                           config.max_positions, hidden));
  RERANKD_ASSIGN_OR_RETURN(Embedding types,
                           Embedding::Load(weights, "embeddings.token_type_embeddings.weight",
                                           config.type_vocab_size, hidden));
  RERANKD_ASSIGN_OR_RETURN(LayerNorm norm, LayerNorm::Load(weights, "embeddings.LayerNorm", hidden,
                                                           config.layer_norm_eps));
  std::vector<BertLayer> layers;
  for (int64_t i = 0; i < config.layers; ++i) {
    RERANKD_ASSIGN_OR_RETURN(
        BertLayer layer,
        BertLayer::Load(config, weights, fmt::format("encoder.layer.{}", i), precision));
    layers.push_back(std::move(layer));
  }
  return BertEncoder(config, std::move(words), std::move(positions), std::move(types),
                     std::move(norm), std::move(layers), precision);
}

// The rows of the first tokens; some may follow that belong to nobody, for the reason that
// PackedBatch has such rows.
at::Tensor FirstTokens(const at::Tensor& hidden, const PackedBatch& batch) {
  constexpr int64_t kStep = 8;
  at::Tensor rows = at::zeros({(batch.sequences() + kStep - 1) / kStep * kStep}, at::kLong);
  std::copy(batch.offsets.begin(), batch.offsets.end() - 1, rows.mutable_data_ptr<int64_t>());
  return hidden.index_select(0, rows);
}

at::Tensor BertEncoder::Forward(const PackedBatch& batch, Output output) const {
  at::Tensor hidden = words_(batch.ids);
  hidden.add_(positions_(batch.positions)).add_(types_(batch.type_ids));
  hidden = norm_(hidden);

  // Row i is the query of sequence i where only first tokens are read.
  std::vector<int64_t> one_each(batch.offsets.size());
  std::iota(one_each.begin(), one_each.end(), 0);
  std::span<const int64_t> query_offsets = batch.offsets;

  for (const BertLayer& layer : layers_) {
    at::Tensor x = hidden.to(precision_);
    const at::Tensor keys_values = layer.key_value(x);
    if (output == Output::kFirstTokens && &layer == &layers_.back()) {
      query_offsets = one_each;
      hidden = FirstTokens(hidden, batch);
      x = hidden.to(precision_);
    }
    const int64_t width = hidden.size(1);
    const at::Tensor context =
        Attend(layer.query(x), query_offsets, keys_values.narrow(1, 0, width),
               keys_values.narrow(1, width, width), batch.offsets, heads_);
    hidden = layer.attention_norm(at::add(hidden, layer.attention_output(context)));
    const at::Tensor inner = layer.intermediate(hidden.to(precision_), act_);
    hidden = layer.output_norm(at::add(hidden, layer.output(inner)));
  }
  return output == Output::kFirstTokens ? hidden.narrow(0, 0, batch.sequences()) : hidden;
}

// Stored by some releases of transformers, computed by all.
bool IsBuffer(std::string_view name) { return name == "embeddings.position_ids"; }

// tanh(pooler(first token)), then one logit. The head is small and stays in fp32.
class BertCrossEncoder : public Architecture {
 public:
  BertCrossEncoder(BertEncoder encoder, Linear pooler, Linear classifier)
      : encoder_(std::move(encoder)),
        pooler_(std::move(pooler)),
        classifier_(std::move(classifier)) {}

  int64_t width() const override { return 1; }

  at::Tensor Forward(const PackedBatch& batch) const override {
    return classifier_(at::tanh(pooler_(encoder_.Forward(batch, Output::kFirstTokens))));
  }

 private:
  BertEncoder encoder_;
  Linear pooler_;
  Linear classifier_;
};

class BertBiEncoder : public Architecture {
 public:
  BertBiEncoder(BertEncoder encoder, int64_t hidden_size, Pooling pooling)
      : encoder_(std::move(encoder)), hidden_size_(hidden_size), pooling_(pooling) {}

  int64_t width() const override { return hidden_size_; }

  at::Tensor Forward(const PackedBatch& batch) const override {
    at::Tensor pooled = Pool(batch);
    constexpr double kNeverZero = 1e-12;
    return pooled.div_(
        at::linalg_vector_norm(pooled, 2, {1}, /*keepdim=*/true).clamp_min_(kNeverZero));
  }

 private:
  at::Tensor Pool(const PackedBatch& batch) const {
    if (pooling_ == Pooling::kFirst) return encoder_.Forward(batch, Output::kFirstTokens);
    const at::Tensor hidden = encoder_.Forward(batch, Output::kAllTokens);
    at::Tensor pooled = at::empty({batch.sequences(), hidden_size_}, at::kFloat);
    for (int64_t i = 0; i < batch.sequences(); ++i) {
      const int64_t length = batch.offsets[i + 1] - batch.offsets[i];
      pooled[i].copy_(hidden.narrow(0, batch.offsets[i], length).mean(0));
    }
    return pooled;
  }

  BertEncoder encoder_;
  int64_t hidden_size_;
  Pooling pooling_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Architecture>> LoadBertCrossEncoder(const ModelConfig& config,
                                                                   Weights& weights,
                                                                   c10::ScalarType precision) {
  weights.AllowPrefix("bert.");
  RERANKD_ASSIGN_OR_RETURN(BertEncoder encoder, BertEncoder::Load(config, weights, precision));
  RERANKD_ASSIGN_OR_RETURN(
      Linear pooler,
      Linear::Load(weights, {"pooler.dense"}, config.hidden_size, config.hidden_size, c10::kFloat));
  RERANKD_ASSIGN_OR_RETURN(
      Linear classifier, Linear::Load(weights, {"classifier"}, config.hidden_size, 1, c10::kFloat));
  RERANKD_RETURN_IF_ERROR(weights.Finish(IsBuffer));
  return std::make_unique<BertCrossEncoder>(std::move(encoder), std::move(pooler),
                                            std::move(classifier));
}

absl::StatusOr<std::unique_ptr<Architecture>> LoadBertBiEncoder(const ModelConfig& config,
                                                                Weights& weights,
                                                                c10::ScalarType precision) {
  weights.AllowPrefix("bert.");
  RERANKD_ASSIGN_OR_RETURN(BertEncoder encoder, BertEncoder::Load(config, weights, precision));
  // BertModel has a pooler for its pre-training's sake, which no embedding uses.
  RERANKD_RETURN_IF_ERROR(weights.Finish([](std::string_view name) {
    return IsBuffer(name) || name == "pooler.dense.weight" || name == "pooler.dense.bias";
  }));
  return std::make_unique<BertBiEncoder>(std::move(encoder), config.hidden_size, config.pooling);
}

}  // namespace rerankd
