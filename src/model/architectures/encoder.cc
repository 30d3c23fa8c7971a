#include "model/architectures/encoder.h"

#include <ATen/ops/add.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/segment_reduce.h>
#include <ATen/ops/sub.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "model/attention.h"
#include "model/padded_attention.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

// Positions as RoBERTa counts them: a token of the padding id has that number, the others count on
// from the next one. Padding proper does not exist here, but a text may spell its token out.
at::Tensor PositionsAfterPadding(const PackedBatch& batch, int64_t padding_id) {
  at::Tensor positions = at::empty_like(batch.ids);
  const auto padding = static_cast<int32_t>(padding_id);
  // Not the typed const_data_ptr(): clang and a g++-built LibTorch disagree about its name.
  const auto* ids = static_cast<const int32_t*>(batch.ids.const_data_ptr());
  auto* to = positions.mutable_data_ptr<int32_t>();
  // Rows after the last sequence are read by nobody; they only need a number that is in the table.
  std::fill(to, to + batch.rows(), padding);
  for (int64_t i = 0; i < batch.sequences(); ++i) {
    int32_t next = padding + 1;
    for (int64_t row = batch.offsets[i]; row < batch.offsets[i + 1]; ++row) {
      if (ids[row] != padding) to[row] = next++;
    }
  }
  return positions;
}

// The numbers of the first tokens' rows; some may follow that belong to nobody, for the reason that
// PackedBatch has such rows.
at::Tensor FirstTokens(const PackedBatch& batch, c10::Device device) {
  constexpr int64_t kStep = 8;
  at::Tensor rows = at::zeros({(batch.sequences() + kStep - 1) / kStep * kStep}, at::kLong);
  std::copy(batch.offsets.begin(), batch.offsets.end() - 1, rows.mutable_data_ptr<int64_t>());
  return rows.to(device);
}

class CrossEncoder : public Architecture {
 public:
  // The head is small and stays in fp32.
  CrossEncoder(Encoder encoder, Linear dense, at::Tensor (*activation)(const at::Tensor&),
               Linear classifier, int64_t labels)
      : encoder_(std::move(encoder)),
        dense_(std::move(dense)),
        activation_(activation),
        classifier_(std::move(classifier)),
        labels_(labels) {}

  int64_t width() const override { return 1; }

  at::Tensor Forward(const PackedBatch& batch) const override {
    const at::Tensor first = encoder_.Forward(batch, Encoder::Output::kFirstTokens);
    at::Tensor logits = classifier_(activation_(dense_(first)));
    if (labels_ == 1) return logits;
    return at::sub(logits.narrow(1, 1, 1), logits.narrow(1, 0, 1));
  }

 private:
  Encoder encoder_;
  Linear dense_;
  at::Tensor (*activation_)(const at::Tensor&);
  Linear classifier_;
  int64_t labels_;
};

// One operator for all sequences: a GPU takes longer to begin one than to compute a mean.
at::Tensor MeansOfAll(const at::Tensor& hidden, const PackedBatch& batch) {
  at::Tensor lengths = at::empty({batch.sequences()}, at::kLong);
  std::transform(batch.offsets.begin() + 1, batch.offsets.end(), batch.offsets.begin(),
                 lengths.mutable_data_ptr<int64_t>(), std::minus<>());
  return at::segment_reduce(hidden.narrow(0, 0, batch.offsets.back()), "mean",
                            lengths.to(hidden.device()), /*indices=*/{}, /*offsets=*/{},
                            /*axis=*/0, /*unsafe=*/true);
}

class BiEncoder : public Architecture {
 public:
  BiEncoder(Encoder encoder, int64_t hidden_size, Pooling pooling)
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
    if (pooling_ == Pooling::kFirst) return encoder_.Forward(batch, Encoder::Output::kFirstTokens);
    const at::Tensor hidden = encoder_.Forward(batch, Encoder::Output::kAllTokens);
    if (encoder_.placement().general_operators) return MeansOfAll(hidden, batch);
    at::Tensor pooled = at::empty({batch.sequences(), hidden_size_}, at::kFloat);
    for (int64_t i = 0; i < batch.sequences(); ++i) {
      const int64_t length = batch.offsets[i + 1] - batch.offsets[i];
      pooled[i].copy_(hidden.narrow(0, batch.offsets[i], length).mean(0));
    }
    return pooled;
  }

  Encoder encoder_;
  int64_t hidden_size_;
  Pooling pooling_;
};

}  // namespace

Encoder::Encoder(const ModelConfig& config, c10::ScalarType precision, const Placement& placement,
                 Embedding words, Embedding positions, LayerNorm norm)
    : placement_(placement),
      heads_(config.heads),
      act_(config.hidden_act),
      padding_id_(config.padding_id),
      precision_(precision),
      words_(std::move(words)),
      positions_(std::move(positions)),
      norm_(std::move(norm)) {}

absl::StatusOr<Encoder> Encoder::Load(const EncoderNames& names, const ModelConfig& config,
                                      Weights& weights, c10::ScalarType precision) {
  weights.AllowPrefix(std::string(names.prefix));
  const int64_t width = config.embedding_size;
  RERANKD_ASSIGN_OR_RETURN(
      Embedding words,
      Embedding::Load(weights, "embeddings.word_embeddings.weight", config.vocab_size, width));
  RERANKD_ASSIGN_OR_RETURN(Embedding positions,
                           Embedding::Load(weights, "embeddings.position_embeddings.weight",
                                           config.max_positions, width));
  RERANKD_ASSIGN_OR_RETURN(LayerNorm norm, LayerNorm::Load(weights, "embeddings.LayerNorm", width,
                                                           config.layer_norm_eps));
  Encoder encoder(config, precision, weights.placement(), std::move(words), std::move(positions),
                  std::move(norm));
  if (config.type_vocab_size > 0) {
    RERANKD_ASSIGN_OR_RETURN(encoder.types_,
                             Embedding::Load(weights, "embeddings.token_type_embeddings.weight",
                                             config.type_vocab_size, width));
  }
  if (width != config.hidden_size) {
    RERANKD_ASSIGN_OR_RETURN(encoder.project_, Linear::Load(weights, {"embeddings_project"}, width,
                                                            config.hidden_size, precision));
  }
  for (int64_t i = 0; i < config.layers; ++i) {
    RERANKD_ASSIGN_OR_RETURN(Layer layer, LoadLayer(names, fmt::format("{}.{}.", names.layers, i),
                                                    config, weights, precision));
    encoder.layers_.push_back(std::move(layer));
  }
  return encoder;
}

absl::StatusOr<Encoder::Layer> Encoder::LoadLayer(const EncoderNames& names,
                                                  const std::string& name,
                                                  const ModelConfig& config, Weights& weights,
                                                  c10::ScalarType precision) {
  const int64_t hidden = config.hidden_size;
  const int64_t inner = config.intermediate_size;
  const double eps = config.layer_norm_eps;
  const auto full = [&](std::string_view part) { return name + std::string(part); };
  RERANKD_ASSIGN_OR_RETURN(Linear query,
                           Linear::Load(weights, {full(names.query)}, hidden, hidden, precision));
  RERANKD_ASSIGN_OR_RETURN(
      Linear key_value,
      Linear::Load(weights, {full(names.key), full(names.value)}, hidden, hidden, precision));
  RERANKD_ASSIGN_OR_RETURN(
      Linear attention_output,
      Linear::Load(weights, {full(names.attention_output)}, hidden, hidden, precision));
  RERANKD_ASSIGN_OR_RETURN(LayerNorm attention_norm,
                           LayerNorm::Load(weights, full(names.attention_norm), hidden, eps));
  RERANKD_ASSIGN_OR_RETURN(Linear intermediate, Linear::Load(weights, {full(names.intermediate)},
                                                             hidden, inner, precision));
  RERANKD_ASSIGN_OR_RETURN(Linear output,
                           Linear::Load(weights, {full(names.output)}, inner, hidden, precision));
  RERANKD_ASSIGN_OR_RETURN(LayerNorm output_norm,
                           LayerNorm::Load(weights, full(names.output_norm), hidden, eps));
  return Layer{std::move(query),          std::move(key_value),    std::move(attention_output),
               std::move(attention_norm), std::move(intermediate), std::move(output),
               std::move(output_norm)};
}

at::Tensor Encoder::Embed(const PackedBatch& batch) const {
  at::Tensor rows = words_(batch.ids);
  rows.add_(positions_(padding_id_ ? PositionsAfterPadding(batch, *padding_id_) : batch.positions));
  if (types_) rows.add_((*types_)(batch.type_ids));
  rows = norm_(rows);
  return project_ ? (*project_)(rows.to(precision_)).to(at::kFloat) : rows;
}

// The rest of a layer is row by row, and so done in parts: the inner rows are the widest there are.
at::Tensor Encoder::AfterAttention(const Layer& layer, at::Tensor hidden,
                                   const at::Tensor& context) const {
  const int64_t rows = hidden.size(0);
  const int64_t at_once = MaxRowsAtOnce(placement_.device);
  for (int64_t first = 0; first < rows; first += at_once) {
    const int64_t count = std::min(at_once, rows - first);
    at::Tensor part = hidden.narrow(0, first, count);
    const at::Tensor attended = layer.attention_norm(
        at::add(part, layer.attention_output(context.narrow(0, first, count))));
    const at::Tensor inner = layer.intermediate(attended.to(precision_), act_);
    at::Tensor done = layer.output_norm(at::add(attended, layer.output(inner)));
    if (count == rows) return done;
    part.copy_(done);
  }
  return hidden;
}

at::Tensor Encoder::Forward(const PackedBatch& batch, Output output) const {
  // Row i is the query of sequence i where only first tokens are read.
  std::vector<int64_t> one_each(batch.offsets.size());
  std::iota(one_each.begin(), one_each.end(), 0);
  std::span<const int64_t> query_offsets = batch.offsets;
  std::optional<PaddedAttention> padded;
  if (placement_.general_operators) {
    padded.emplace(batch.offsets, heads_, placement_.device);
  }
  const at::Tensor first_tokens =
      output == Output::kFirstTokens ? FirstTokens(batch, placement_.device) : at::Tensor();
  // What was copied so far did not have to wait: a copy to a GPU does, for all that it has to do.
  at::Tensor hidden = Embed(batch);

  for (const Layer& layer : layers_) {
    at::Tensor x = hidden.to(precision_);
    const at::Tensor keys_values = layer.key_value(x);
    const bool of_first_tokens = output == Output::kFirstTokens && &layer == &layers_.back();
    if (of_first_tokens) {
      query_offsets = one_each;
      hidden = hidden.index_select(0, first_tokens);
      x = hidden.to(precision_);
    }
    const int64_t width = hidden.size(1);
    const at::Tensor query = layer.query(x);
    const at::Tensor key = keys_values.narrow(1, 0, width);
    const at::Tensor value = keys_values.narrow(1, width, width);
    const at::Tensor context = !padded
                                   ? Attend(query, query_offsets, key, value, batch.offsets, heads_)
                               : of_first_tokens ? padded->OfOneQueryEach(query, key, value)
                                                 : (*padded)(query, key, value);
    hidden = AfterAttention(layer, std::move(hidden), context);
  }
  return output == Output::kFirstTokens ? hidden.narrow(0, 0, batch.sequences()) : hidden;
}

absl::StatusOr<std::unique_ptr<Architecture>> LoadCrossEncoder(
    const EncoderNames& names, const HeadNames& head, std::span<const std::string_view> tolerated,
    const ModelConfig& config, Weights& weights, c10::ScalarType precision) {
  RERANKD_ASSIGN_OR_RETURN(Encoder encoder, Encoder::Load(names, config, weights, precision));
  RERANKD_ASSIGN_OR_RETURN(Linear dense,
                           Linear::Load(weights, {std::string(head.dense)}, config.hidden_size,
                                        config.hidden_size, c10::kFloat));
  RERANKD_ASSIGN_OR_RETURN(Linear classifier,
                           Linear::Load(weights, {std::string(head.classifier)}, config.hidden_size,
                                        config.labels, c10::kFloat));
  RERANKD_RETURN_IF_ERROR(weights.Finish(tolerated));
  return std::make_unique<CrossEncoder>(std::move(encoder), std::move(dense), head.activation,
                                        std::move(classifier), config.labels);
}

absl::StatusOr<std::unique_ptr<Architecture>> LoadBiEncoder(
    const EncoderNames& names, std::span<const std::string_view> tolerated,
    const ModelConfig& config, Weights& weights, c10::ScalarType precision) {
  RERANKD_ASSIGN_OR_RETURN(Encoder encoder, Encoder::Load(names, config, weights, precision));
  RERANKD_RETURN_IF_ERROR(weights.Finish(tolerated));
  return std::make_unique<BiEncoder>(std::move(encoder), config.hidden_size, config.pooling);
}

}  // namespace rerankd
