#include "tokenizer/tokenizer_factory.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "tokenizer/bert_files.h"
#include "tokenizer/byte_level_bpe_files.h"
#include "tokenizer/byte_level_bpe_tokenizer.h"
#include "tokenizer/token_agreement.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/tokenizer_json_reader.h"
#include "tokenizer/unigram_files.h"
#include "tokenizer/unigram_tokenizer.h"
#include "tokenizer/wordpiece_tokenizer.h"
#include "util/file.h"
#include "util/json.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

using nlohmann::json;

constexpr const char* kSentencePieceNames[] = {"sentencepiece.bpe.model", "spiece.model",
                                               "spm.model"};

absl::Status ReadInto(const std::filesystem::path& path, std::optional<std::string>& content) {
  absl::StatusOr<std::string> read = ReadFile(path);
  if (read.ok()) {
    content = *std::move(read);
  } else if (!absl::IsNotFound(read.status())) {
    return read.status();
  }
  return absl::OkStatus();
}

// tokenizer_config.json says "no limit" with a huge number, usually 1e30.
absl::StatusOr<size_t> ModelMaxLength(const json& config, std::string_view origin) {
  RERANKD_ASSIGN_OR_RETURN(const std::optional<double> length,
                           JsonDouble(config, "model_max_length", origin));
  if (length.value_or(1e30) >= 1e15) return std::numeric_limits<size_t>::max();
  if (*length < 1) {
    return absl::FailedPreconditionError(
        fmt::format("{}: \"model_max_length\" is {}, but must be at least 1", origin, *length));
  }
  return static_cast<size_t>(*length);
}

// Settings by which the tokenizer's Python owner changes what its ids mean.
absl::Status CheckConfig(const json& config, std::string_view origin) {
  RERANKD_ASSIGN_OR_RETURN(const std::optional<std::string> side,
                           JsonString(config, "truncation_side", origin));
  if (side.value_or("right") != "right") {
    return absl::FailedPreconditionError(fmt::format(
        "{}: the truncation_side \"{}\" is not supported (\"right\" is)", origin, *side));
  }
  RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> split,
                           JsonBool(config, "split_special_tokens", origin));
  if (split.value_or(false)) {
    return absl::FailedPreconditionError(
        fmt::format("{}: \"split_special_tokens\" is not supported", origin));
  }
  return absl::OkStatus();
}

// From the files that stand where there is no tokenizer.json.
absl::StatusOr<std::unique_ptr<Tokenizer>> MakeFromOldFiles(const TokenizerFiles& files,
                                                            const json& config,
                                                            size_t model_max_length) {
  const auto path = [&files](const std::string& name) { return (files.folder / name).string(); };
  const std::string config_path = path("tokenizer_config.json");
  if (!files.sentencepiece.has_value() && !files.vocab.has_value()) {
    RERANKD_ASSIGN_OR_RETURN(
        ByteLevelBpeTokenizer::Options options,
        ParseRobertaVocabulary({.vocab = *files.vocab_json,
                                .merges = *files.merges,
                                .config = config,
                                .special_tokens_map = files.special_tokens_map,
                                .added_tokens = files.added_tokens,
                                .vocab_origin = path("vocab.json"),
                                .merges_origin = path("merges.txt"),
                                .config_origin = config_path,
                                .special_tokens_map_origin = path("special_tokens_map.json"),
                                .added_tokens_origin = path("added_tokens.json")}));
    options.model_max_length = model_max_length;
    return ByteLevelBpeTokenizer::Create(std::move(options), path("vocab.json"));
  }
  // transformers reads it only where the newer "added_tokens_decoder" is missing.
  if (files.added_tokens.has_value() &&
      !(files.sentencepiece.has_value() && config.contains("added_tokens_decoder"))) {
    return absl::FailedPreconditionError(
        fmt::format("{}: is not supported; save the tokenizer with a tokenizer.json",
                    path("added_tokens.json")));
  }
  json map = json::object();
  const std::string map_path = path("special_tokens_map.json");
  if (files.special_tokens_map.has_value()) {
    RERANKD_ASSIGN_OR_RETURN(map, ParseJsonObject(*files.special_tokens_map, map_path));
  }
  if (files.sentencepiece.has_value()) {
    json model_config = json::object();
    if (files.model_config.has_value()) {
      RERANKD_ASSIGN_OR_RETURN(model_config,
                               ParseJsonObject(*files.model_config, path("config.json")));
    }
    const std::string model_path = path(files.sentencepiece_name);
    RERANKD_ASSIGN_OR_RETURN(UnigramTokenizer::Options options,
                             ParseSentencePieceFiles({.model = *files.sentencepiece,
                                                      .config = config,
                                                      .special_tokens_map = map,
                                                      .model_config = model_config,
                                                      .model_origin = model_path,
                                                      .config_origin = config_path}));
    options.model_max_length = model_max_length;
    return UnigramTokenizer::Create(std::move(options), model_path);
  }
  const std::string vocab_path = path("vocab.txt");
  RERANKD_ASSIGN_OR_RETURN(WordPieceTokenizer::Options options,
                           ParseBertVocabulary({.vocab = *files.vocab,
                                                .config = config,
                                                .special_tokens_map = map,
                                                .vocab_origin = vocab_path,
                                                .config_origin = config_path,
                                                .special_tokens_map_origin = map_path}));
  options.model_max_length = model_max_length;
  return WordPieceTokenizer::Create(std::move(options), vocab_path);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Tokenizer>> LoadTokenizer(const std::filesystem::path& folder) {
  TokenizerFiles files{.folder = folder};
  RERANKD_RETURN_IF_ERROR(ReadInto(folder / "tokenizer.json", files.tokenizer_json));
  RERANKD_RETURN_IF_ERROR(ReadInto(folder / "tokenizer_config.json", files.tokenizer_config));
  RERANKD_RETURN_IF_ERROR(ReadInto(folder / "vocab.txt", files.vocab));
  RERANKD_RETURN_IF_ERROR(ReadInto(folder / "vocab.json", files.vocab_json));
  RERANKD_RETURN_IF_ERROR(ReadInto(folder / "merges.txt", files.merges));
  RERANKD_RETURN_IF_ERROR(ReadInto(folder / "special_tokens_map.json", files.special_tokens_map));
  RERANKD_RETURN_IF_ERROR(ReadInto(folder / "added_tokens.json", files.added_tokens));
  for (const char* name : kSentencePieceNames) {
    if (files.tokenizer_json.has_value() || files.sentencepiece.has_value()) break;
    files.sentencepiece_name = name;
    RERANKD_RETURN_IF_ERROR(ReadInto(folder / name, files.sentencepiece));
  }
  if (files.sentencepiece.has_value()) {
    RERANKD_RETURN_IF_ERROR(ReadInto(folder / "config.json", files.model_config));
  }
  return MakeTokenizer(files);
}

absl::StatusOr<std::unique_ptr<Tokenizer>> MakeTokenizer(const TokenizerFiles& files) {
  const auto path = [&files](const std::string& name) { return (files.folder / name).string(); };
  const std::string json_path = path("tokenizer.json");
  const std::string config_path = path("tokenizer_config.json");
  const bool from_json = files.tokenizer_json.has_value();
  const bool has_merges = files.vocab_json.has_value() && files.merges.has_value();
  if (!from_json && !files.sentencepiece.has_value() && !files.vocab.has_value() && !has_merges) {
    return absl::NotFoundError(fmt::format(
        "{}: has neither tokenizer.json, nor vocab.txt, nor vocab.json with merges.txt, "
        "nor a SentencePiece model (sentencepiece.bpe.model, spiece.model, spm.model)",
        files.folder.string()));
  }
  json config = json::object();
  if (files.tokenizer_config.has_value()) {
    RERANKD_ASSIGN_OR_RETURN(config, ParseJsonObject(*files.tokenizer_config, config_path));
  } else if (!from_json && !files.sentencepiece.has_value() && files.vocab.has_value()) {
    return absl::NotFoundError(fmt::format(
        "{}: is needed beside vocab.txt, to say whether text is lower-cased", config_path));
  }
  RERANKD_RETURN_IF_ERROR(CheckConfig(config, config_path));
  RERANKD_ASSIGN_OR_RETURN(const size_t model_max_length, ModelMaxLength(config, config_path));
  if (!from_json) return MakeFromOldFiles(files, config, model_max_length);

  RERANKD_ASSIGN_OR_RETURN(TokenizerJson file, ReadTokenizerJson(*files.tokenizer_json, json_path));
  const json& root = file.root;
  RERANKD_RETURN_IF_ERROR(
      CheckTokensAgree(file, json_path,
                       {.config = config,
                        .special_tokens_map = files.special_tokens_map,
                        .added_tokens = files.added_tokens,
                        .config_origin = config_path,
                        .special_tokens_map_origin = path("special_tokens_map.json"),
                        .added_tokens_origin = path("added_tokens.json")}));
  // A further type of tokenizer is a further case here.
  const std::string type = TokenizerModelType(root);
  if (type == "WordPiece") {
    RERANKD_ASSIGN_OR_RETURN(WordPieceTokenizer::Options options,
                             ParseBertTokenizerJson(root, json_path));
    RERANKD_RETURN_IF_ERROR(CheckConfigAgrees(options.normalizer, config, config_path));
    options.model_max_length = model_max_length;
    return WordPieceTokenizer::Create(std::move(options), json_path);
  }
  if (type == "BPE") {
    RERANKD_ASSIGN_OR_RETURN(ByteLevelBpeTokenizer::Options options,
                             ParseByteLevelBpeJson(root, json_path));
    RERANKD_RETURN_IF_ERROR(CheckConfigAgrees(options, config, config_path));
    options.model_max_length = model_max_length;
    return ByteLevelBpeTokenizer::Create(std::move(options), json_path);
  }
  if (type == "Unigram") {
    RERANKD_ASSIGN_OR_RETURN(UnigramTokenizer::Options options,
                             ParseUnigramTokenizerJson(std::move(file), json_path));
    options.model_max_length = model_max_length;
    return UnigramTokenizer::Create(std::move(options), json_path);
  }
  return absl::FailedPreconditionError(fmt::format(
      "{}: model: the type \"{}\" is not supported (\"WordPiece\", \"BPE\" and \"Unigram\" are)",
      json_path, type));
}

}  // namespace rerankd
