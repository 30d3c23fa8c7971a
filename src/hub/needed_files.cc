#include "hub/needed_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "util/json.h"
#include "util/pickle_advice.h"
#include "util/refused.h"
#include "util/shard_index.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

constexpr std::string_view kModules = "modules.json";
constexpr std::string_view kConfig = "config.json";
constexpr std::string_view kWeights = "model.safetensors";
constexpr std::string_view kIndex = "model.safetensors.index.json";
constexpr size_t kMaxModules = 32;

// In the model's own folder and in those of modules.json.
constexpr auto kWellKnown = std::to_array<std::string_view>({
    kConfig,
    kModules,
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "bpe.codes",
    "sentencepiece.bpe.model",
    "sentencepiece.model",
    "spiece.model",
    "spm.model",
    "tokenizer.model",
});

// Weights that exist instead of the ones we read, and what to say of them.
constexpr auto kOtherWeights = std::to_array<std::pair<std::string_view, bool>>({
    {"pytorch_model.bin", true},
    {"pytorch_model.bin.index.json", true},
    {"tf_model.h5", false},
    {"flax_model.msgpack", false},
    {"rust_model.ot", false},
    {"onnx/model.onnx", false},
    {"model.onnx", false},
});

using Names = std::set<std::string, std::less<>>;

// "2_Dense" + "config.json"; the model's own folder is "".
std::string Join(std::string_view folder, std::string_view name) {
  return folder.empty() ? std::string(name) : fmt::format("{}/{}", folder, name);
}

// The folders of modules.json, without the model's own.
absl::StatusOr<std::vector<std::string>> ModuleFolders(const ReadRepoFile& read) {
  RERANKD_ASSIGN_OR_RETURN(const std::string text, read(std::string(kModules)));
  RERANKD_ASSIGN_OR_RETURN(const nlohmann::json modules, ParseJson(text, kModules));
  if (!modules.is_array() || modules.size() > kMaxModules) {
    return absl::FailedPreconditionError(fmt::format(
        "{}: the top level must be a list of at most {} modules", kModules, kMaxModules));
  }
  std::vector<std::string> folders;
  for (const nlohmann::json& module : modules) {
    if (!module.is_object()) {
      return absl::FailedPreconditionError(fmt::format(
          "{}: each module must be an object, but one is {}", kModules, JsonExcerpt(module)));
    }
    RERANKD_ASSIGN_OR_RETURN(const auto path, JsonString(module, "path", kModules));
    std::string_view folder = path.has_value() ? std::string_view(*path) : "";
    while (folder.ends_with('/')) folder.remove_suffix(1);
    if (!folder.empty()) folders.emplace_back(folder);
  }
  return folders;
}

// The files that an index names, which must all exist.
absl::StatusOr<Names> Shards(std::string_view folder, const Names& all, const ReadRepoFile& read) {
  const std::string index = Join(folder, kIndex);
  RERANKD_ASSIGN_OR_RETURN(const std::string text, read(index));
  RERANKD_ASSIGN_OR_RETURN(const ShardIndex parsed, ParseShardIndex(text, index));
  Names shards;
  for (const auto& [shard, tensors] : parsed.shards) {
    std::string file = Join(folder, shard);
    if (!all.contains(file)) {
      return Refused(index, "\"weight_map\" names {}, but the model has no such file",
                     JsonExcerpt(shard));
    }
    shards.insert(std::move(file));
  }
  return shards;
}

absl::Status NoWeights(const Names& all, const std::string& repo) {
  for (const auto& [name, torch] : kOtherWeights) {
    if (!all.contains(name)) continue;
    if (!torch) {
      return absl::FailedPreconditionError(fmt::format(
          "{} has {} but no {}; only safetensors weights are read", repo, name, kWeights));
    }
    return absl::FailedPreconditionError(
        fmt::format("{} has its weights only as {}, {}, and name FOLDER as the model", repo, name,
                    PickleAdvice(repo, "FOLDER")));
  }
  return absl::FailedPreconditionError(fmt::format(
      "{} has neither {} nor {}; only safetensors weights are read", repo, kWeights, kIndex));
}

}  // namespace

std::span<const std::string_view> WellKnownFiles() { return kWellKnown; }

absl::StatusOr<std::vector<std::string>> NeededFiles(std::span<const std::string> files,
                                                     const std::string& repo,
                                                     const ReadRepoFile& read) {
  const Names all(files.begin(), files.end());
  std::vector<std::string> folders = {""};
  if (all.contains(kModules)) {
    RERANKD_ASSIGN_OR_RETURN(std::vector<std::string> modules, ModuleFolders(read));
    std::ranges::move(modules, std::back_inserter(folders));
  }
  Names needed;
  bool weights = false;
  bool config = false;
  for (const std::string& folder : folders) {
    for (const std::string_view name : kWellKnown) {
      if (std::string file = Join(folder, name); all.contains(file)) needed.insert(std::move(file));
    }
    config = config || all.contains(Join(folder, kConfig));
    // A folder of modules.json may have weights of its own (2_Dense) or the model's
    // (0_Transformer).
    if (std::string file = Join(folder, kWeights); all.contains(file)) {
      needed.insert(std::move(file));
      weights = true;
    } else if (std::string index = Join(folder, kIndex); all.contains(index)) {
      RERANKD_ASSIGN_OR_RETURN(Names shards, Shards(folder, all, read));
      needed.insert(std::move(index));
      needed.merge(shards);
      weights = true;
    }
  }
  if (!config) {
    return absl::FailedPreconditionError(
        fmt::format("{} has no {}, so it is no model that can be served", repo, kConfig));
  }
  if (!weights) return NoWeights(all, repo);
  std::vector<std::string> ordered;
  std::ranges::copy_if(files, std::back_inserter(ordered),
                       [&](const std::string& file) { return needed.erase(file) > 0; });
  return ordered;
}

}  // namespace rerankd
