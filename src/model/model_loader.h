// A Hugging Face model folder to a Scorer. The only header of this layer that others include; it
// mentions nothing of LibTorch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/scorer.h"

namespace rerankd {

enum class ModelKind {
  kCrossEncoder,  // a sequence-classification head; one logit a pair, or the difference of two
  kBiEncoder,     // a sentence-transformers folder; one embedding of length 1 a text
};

struct ModelOptions {
  std::filesystem::path folder;
  ModelKind kind = ModelKind::kCrossEncoder;
  std::string device = "cpu";      // or "cuda", "cuda:N"
  std::string precision = "fp32";  // arithmetic of the large products: fp32 or bf16
  int threads_per_session = 1;
  bool general_operators = false;  // on the processor too, where tests compare them with its own
};

struct LoadedModel {
  std::unique_ptr<Scorer> scorer;
  std::string architecture;  // config.json's, for example "BertForSequenceClassification"
  std::string device;        // what is really used
  std::string precision;
  size_t max_tokens = 0;  // what the weights (and a sentence-transformers folder's own files) allow
  bool states_max_tokens = false;  // the latter say so, whatever the tokenizer's limit is
  size_t vocab_size = 0;
  size_t type_vocab_size = 0;  // 0: type ids are not read
  uint64_t parameters = 0;
  bool shares_weights = false;      // with a model that is in use: they are in memory only once
  bool sigmoid_by_default = false;  // the folder's own activation of the score
  std::string query_prompt;         // what the folder puts before each query
  std::string document_prompt;      // and before each document
  bool pools_prompt = true;  // false: the folder wants embeddings without the prompt's tokens
};

// Reads config.json, the weights (Checkpoint) and, for a bi-encoder, modules.json and what it
// names. Two models of the same weights, precision and device share them in memory. Thread-safe.
// The device is prepared (PrepareDevice) first.
// FAILED_PRECONDITION or NOT_FOUND say which file, which field, what was wrong and what would be
// right: unsupported architecture, missing, extra or mis-shaped tensor, truncated file. Never
// throws, and never reads outside the file whatever its header claims.
absl::StatusOr<LoadedModel> LoadModel(const ModelOptions& options);

// Loads what models on the device need (PrepareDevice): LibTorch's tables change with it, which no
// other thread may read meanwhile. To be called for each GPU before the first model computes.
absl::Status PrepareModelDevice(std::string_view device);

// Bytes of memory of the process's own that the weights will take once they are loaded: in the
// chosen precision, and without embedding tables, which stay in the mapped file; none where they
// are on a GPU. An estimate from the names and shapes in the file. Errors as of LoadModel().
absl::StatusOr<uint64_t> EstimateWeightMemory(const ModelOptions& options);

}  // namespace rerankd
