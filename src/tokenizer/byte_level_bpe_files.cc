#include "tokenizer/byte_level_bpe_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tokenizer/json_fields.h"
#include "tokenizer/tokenizer_config.h"
#include "tokenizer/tokenizer_json.h"
#include "util/json.h"
#include "util/status_macros.h"
#include "util/utf8.h"

namespace rerankd {
namespace {

using nlohmann::json;

constexpr std::string_view kVersionLine = "#version";

// "left right", as older files write a merge.
std::optional<std::pair<std::string, std::string>> SplitMerge(std::string_view merge) {
  const size_t space = merge.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const std::string_view right = merge.substr(space + 1);
  if (right.find(' ') != std::string_view::npos) return std::nullopt;
  return std::pair(std::string(merge.substr(0, space)), std::string(right));
}

// --- tokenizer.json ---

absl::StatusOr<bool> IsNfc(const json& root, std::string_view parent) {
  const auto section = root.find("normalizer");
  if (section == root.end() || section->is_null()) return false;
  RERANKD_RETURN_IF_ERROR(SectionOfType(root, "normalizer", "NFC", parent).status());
  RERANKD_RETURN_IF_ERROR(OnlyKeys(*section, {"type"}, fmt::format("{}: normalizer", parent)));
  return true;
}

absl::Status ParseByteLevel(const json& section, std::string_view origin,
                            ByteLevelBpeTokenizer::Options& options) {
  RERANKD_RETURN_IF_ERROR(
      OnlyKeys(section, {"type", "add_prefix_space", "trim_offsets", "use_regex"}, origin));
  RERANKD_ASSIGN_OR_RETURN(options.add_prefix_space,
                           RequiredBool(section, "add_prefix_space", origin));
  RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> use_regex,
                           JsonBool(section, "use_regex", origin));
  options.pattern = use_regex.value_or(true) ? SplitPattern::kGpt2 : SplitPattern::kNone;
  return absl::OkStatus();
}

// A Split that cuts a text into the matches of one of the known patterns. As they match everywhere,
// it does not matter whether it isolates the matches or removes what lies between them.
absl::StatusOr<SplitPattern> ParseSplit(const json& section, std::string_view origin) {
  RERANKD_RETURN_IF_ERROR(OnlyKeys(section, {"type", "pattern", "behavior", "invert"}, origin));
  RERANKD_ASSIGN_OR_RETURN(const std::string behavior, RequiredString(section, "behavior", origin));
  RERANKD_ASSIGN_OR_RETURN(const bool invert, RequiredBool(section, "invert", origin));
  if (!(behavior == "Isolated" && !invert) && !(behavior == "Removed" && invert)) {
    return Refused(origin, fmt::format("the behavior \"{}\" with \"invert\" {} is not supported "
                                       "(\"Isolated\" with false and \"Removed\" with true are)",
                                       behavior, invert));
  }
  RERANKD_ASSIGN_OR_RETURN(const json* pattern, RequiredObject(section, "pattern", origin));
  const std::string pattern_origin = fmt::format("{}: pattern", origin);
  RERANKD_RETURN_IF_ERROR(OnlyKeys(*pattern, {"Regex"}, pattern_origin));
  RERANKD_ASSIGN_OR_RETURN(const std::string regex,
                           RequiredString(*pattern, "Regex", pattern_origin));
  const std::optional<SplitPattern> known = SplitPatternOf(regex);
  if (!known.has_value()) {
    return Refused(pattern_origin, fmt::format("the Regex {} is not supported (those of GPT-2, "
                                               "cl100k/Llama 3 and Qwen 2 are)",
                                               JsonExcerpt(regex)));
  }
  return *known;
}

absl::Status ParsePreTokenizer(const json& root, std::string_view parent,
                               ByteLevelBpeTokenizer::Options& options) {
  const std::string origin = fmt::format("{}: pre_tokenizer", parent);
  RERANKD_ASSIGN_OR_RETURN(const json* section, RequiredObject(root, "pre_tokenizer", parent));
  RERANKD_ASSIGN_OR_RETURN(const std::string type, RequiredString(*section, "type", origin));
  if (type == "ByteLevel") return ParseByteLevel(*section, origin, options);
  if (type != "Sequence") {
    return Refused(origin, fmt::format("the type \"{}\" is not supported beside a BPE model "
                                       "(\"ByteLevel\" is, alone or in a Sequence after a Split)",
                                       type));
  }
  RERANKD_RETURN_IF_ERROR(OnlyKeys(*section, {"type", "pretokenizers"}, origin));
  const auto list = section->find("pretokenizers");
  const auto is = [&list](size_t index, std::string_view wanted) {
    const json& item = (*list)[index];
    return item.is_object() && item.contains("type") && item.at("type") == wanted;
  };
  if (list == section->end() || !list->is_array() || list->size() != 2 || !is(0, "Split") ||
      !is(1, "ByteLevel")) {
    return Refused(origin, "the Sequence must be a Split and a ByteLevel");
  }
  RERANKD_RETURN_IF_ERROR(
      ParseByteLevel((*list)[1], fmt::format("{}: pretokenizers[1]", origin), options));
  if (options.pattern != SplitPattern::kNone || options.add_prefix_space) {
    return Refused(fmt::format("{}: pretokenizers[1]", origin),
                   "\"use_regex\" and \"add_prefix_space\" must be false after a Split");
  }
  RERANKD_ASSIGN_OR_RETURN(options.pattern,
                           ParseSplit((*list)[0], fmt::format("{}: pretokenizers[0]", origin)));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ParseMerges(
    const json& model, std::string_view origin) {
  const auto list = model.find("merges");
  if (list == model.end() || !list->is_array()) return Refused(origin, "\"merges\" must be a list");
  std::vector<std::pair<std::string, std::string>> merges;
  merges.reserve(list->size());
  for (size_t i = 0; i < list->size(); ++i) {
    const json& item = (*list)[i];
    std::optional<std::pair<std::string, std::string>> merge;
    if (item.is_string()) {
      const auto& text = item.get_ref<const std::string&>();
      if (text.starts_with(kVersionLine)) continue;
      merge = SplitMerge(text);
    } else if (item.is_array() && item.size() == 2 && item[0].is_string() && item[1].is_string()) {
      merge.emplace(item[0].get<std::string>(), item[1].get<std::string>());
    }
    if (!merge.has_value()) {
      return Refused(origin,
                     fmt::format("\"merges\"[{}] is {}, but must be two tokens, in a list or in "
                                 "one text with a space between them",
                                 i, JsonExcerpt(item)));
    }
    merges.push_back(*std::move(merge));
  }
  return merges;
}

absl::Status ParseModel(const json& root, std::string_view parent, BpeModel::Options& options) {
  RERANKD_ASSIGN_OR_RETURN(const json* section, RequiredObject(root, "model", parent));
  const std::string origin = fmt::format("{}: model", parent);
  RERANKD_RETURN_IF_ERROR(
      OnlyKeys(*section,
               {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"},
               origin));
  RERANKD_ASSIGN_OR_RETURN(const std::optional<double> dropout,
                           JsonDouble(*section, "dropout", origin));
  if (dropout.value_or(0) != 0) {
    return Refused(
        origin, fmt::format("\"dropout\" is {}, but must be null: it makes ids random", *dropout));
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    RERANKD_ASSIGN_OR_RETURN(const std::optional<std::string> affix,
                             JsonString(*section, key, origin));
    if (!affix.value_or("").empty()) {
      return Refused(origin, fmt::format("the \"{}\" {} is not supported (null or an empty one is)",
                                         key, JsonExcerpt(*affix)));
    }
  }
  RERANKD_ASSIGN_OR_RETURN(options.unknown_token, JsonString(*section, "unk_token", origin));
  RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> fuse_unk,
                           JsonBool(*section, "fuse_unk", origin));
  RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> byte_fallback,
                           JsonBool(*section, "byte_fallback", origin));
  RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> ignore_merges,
                           JsonBool(*section, "ignore_merges", origin));
  options.fuse_unknown = fuse_unk.value_or(false);
  options.byte_fallback = byte_fallback.value_or(false);
  options.ignore_merges = ignore_merges.value_or(false);
  RERANKD_ASSIGN_OR_RETURN(const json* vocab, RequiredObject(*section, "vocab", origin));
  RERANKD_ASSIGN_OR_RETURN(options.vocabulary,
                           ParseVocabulary(*vocab, fmt::format("{}.vocab", origin)));
  RERANKD_ASSIGN_OR_RETURN(options.merges, ParseMerges(*section, origin));
  return absl::OkStatus();
}

// --- vocab.json, merges.txt, and the files of transformers ---

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ParseMergesText(
    std::string_view text, std::string_view origin) {
  if (const std::optional<size_t> invalid = FindInvalidUtf8(text)) {
    return Refused(origin, fmt::format("is not valid UTF-8 (byte {})", *invalid));
  }
  std::vector<std::pair<std::string, std::string>> merges;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with(kVersionLine)) continue;
    std::optional<std::pair<std::string, std::string>> merge = SplitMerge(line);
    if (!merge.has_value()) {
      return Refused(origin,
                     fmt::format("line {} must be two tokens with a space between them", number));
    }
    merges.push_back(*std::move(merge));
  }
  return merges;
}

// The names of tokens with their defaults, in the order in which transformers adds them.
constexpr std::pair<const char*, const char*> kNamedTokens[] = {
    {"bos_token", "<s>"},   {"eos_token", "</s>"}, {"unk_token", "<unk>"},  {"sep_token", "</s>"},
    {"pad_token", "<pad>"}, {"cls_token", "<s>"},  {"mask_token", "<mask>"}};
constexpr const char* kTokenLists[] = {"additional_special_tokens", "extra_special_tokens"};

bool IsNamedToken(std::string_view key) {
  return std::any_of(std::begin(kNamedTokens), std::end(kNamedTokens),
                     [key](const auto& named) { return key == named.first; });
}

// The contents of the tokens that `config` names, in kNamedTokens and lists.
absl::StatusOr<std::set<std::string>> NamedContents(const json& config, std::string_view origin) {
  std::set<std::string> contents;
  std::vector<std::pair<std::string, const json*>> values;
  for (const auto& [key, by_default] : kNamedTokens) {
    if (config.contains(key)) values.emplace_back(key, &config.at(key));
  }
  for (const char* key : kTokenLists) {
    if (!config.contains(key)) continue;
    for (const json& item : config.at(key)) values.emplace_back(key, &item);
  }
  for (const auto& [key, value] : values) {
    RERANKD_ASSIGN_OR_RETURN(const std::optional<AddedToken> token,
                             ConfigToken(*value, fmt::format("{}: {}", origin, key)));
    if (token.has_value()) contents.insert(token->content);
  }
  return contents;
}

// special_tokens_map.json overrides what tokenizer_config.json says.
absl::Status MergeSpecialTokensMap(const RobertaVocabularyFiles& files, json& config) {
  const std::string& origin = files.special_tokens_map_origin;
  RERANKD_ASSIGN_OR_RETURN(const json map, ParseJsonObject(*files.special_tokens_map, origin));
  for (const auto& item : map.items()) {
    const bool is_list = std::find(std::begin(kTokenLists), std::end(kTokenLists), item.key()) !=
                         std::end(kTokenLists);
    if (is_list && config.contains(item.key()) && config.at(item.key()) != item.value()) {
      return Refused(origin, fmt::format("\"{}\" is not the same as in {}; make them agree",
                                         item.key(), files.config_origin));
    }
    if (!is_list && !IsNamedToken(item.key())) {
      return Refused(origin, fmt::format("\"{}\" is not supported", item.key()));
    }
    config[item.key()] = item.value();
  }
  return absl::OkStatus();
}

// added_tokens.json becomes "added_tokens_decoder", its members looked for in the normalized text
// unless another file names them.
absl::Status MergeAddedTokens(const RobertaVocabularyFiles& files, json& config) {
  const std::string& origin = files.added_tokens_origin;
  RERANKD_ASSIGN_OR_RETURN(const json added, ParseJsonObject(*files.added_tokens, origin));
  RERANKD_ASSIGN_OR_RETURN(const std::set<std::string> named,
                           NamedContents(config, files.config_origin));
  json decoder = json::object();
  for (const auto& item : added.items()) {
    if (!item.value().is_number_unsigned()) {
      return Refused(origin, fmt::format("the id of \"{}\" is {}, but must be a whole number",
                                         item.key(), JsonExcerpt(item.value())));
    }
    const std::string id = item.value().dump();
    if (decoder.contains(id)) return Refused(origin, fmt::format("two tokens have the id {}", id));
    decoder[id] = {{"content", item.key()}, {"normalized", !named.contains(item.key())}};
  }
  config["added_tokens_decoder"] = std::move(decoder);
  return absl::OkStatus();
}

// A token that does not say whether it is looked for in the normalized text: it is, unless it is a
// special one or has a name.
absl::Status FillNormalized(std::string_view origin, json& config) {
  const auto decoder = config.find("added_tokens_decoder");
  if (decoder == config.end() || !decoder->is_object()) return absl::OkStatus();
  json with_defaults = config;
  for (const auto& [key, by_default] : kNamedTokens) {
    if (!config.contains(key)) with_defaults[key] = by_default;
  }
  RERANKD_ASSIGN_OR_RETURN(const std::set<std::string> named, NamedContents(with_defaults, origin));
  for (json& token : *decoder) {
    if (!token.is_object() || (token.contains("normalized") && !token.at("normalized").is_null())) {
      continue;
    }
    const bool special = token.value("special", json(false)) == json(true);
    const json content = token.value("content", json());
    token["normalized"] =
        !special && !(content.is_string() && named.contains(content.get<std::string>()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ByteLevelBpeTokenizer::Options> ParseByteLevelBpeJson(const json& root,
                                                                     std::string_view origin) {
  RERANKD_RETURN_IF_ERROR(CheckTokenizerJson(root, origin));
  ByteLevelBpeTokenizer::Options options;
  RERANKD_ASSIGN_OR_RETURN(options.nfc, IsNfc(root, origin));
  RERANKD_RETURN_IF_ERROR(ParsePreTokenizer(root, origin, options));
  RERANKD_ASSIGN_OR_RETURN(options.frame, ParsePostProcessor(root, origin));
  RERANKD_RETURN_IF_ERROR(ParseModel(root, origin, options.model));
  RERANKD_ASSIGN_OR_RETURN(options.added_tokens, ParseAddedTokens(root, origin));
  return options;
}

absl::StatusOr<ByteLevelBpeTokenizer::Options> ParseRobertaVocabulary(
    const RobertaVocabularyFiles& files) {
  const std::string& config_origin = files.config_origin;
  RERANKD_ASSIGN_OR_RETURN(const std::optional<std::string> tokenizer_class,
                           JsonString(files.config, "tokenizer_class", config_origin));
  if (tokenizer_class.has_value() && *tokenizer_class != "RobertaTokenizer" &&
      *tokenizer_class != "RobertaTokenizerFast") {
    return Refused(config_origin,
                   fmt::format("the tokenizer_class \"{}\" is not supported from vocab.json and "
                               "merges.txt alone; save the tokenizer with a tokenizer.json",
                               *tokenizer_class));
  }
  for (const auto& item : files.config.items()) {
    if (item.key().ends_with("_token") && !IsNamedToken(item.key()) &&
        (item.value().is_string() || item.value().is_object())) {
      return Refused(config_origin, fmt::format("\"{}\" is not supported", item.key()));
    }
  }
  json config = files.config;
  if (!config.contains("added_tokens_decoder")) {
    if (files.special_tokens_map.has_value()) {
      RERANKD_RETURN_IF_ERROR(MergeSpecialTokensMap(files, config));
    }
    if (files.added_tokens.has_value()) RERANKD_RETURN_IF_ERROR(MergeAddedTokens(files, config));
  }
  RERANKD_RETURN_IF_ERROR(FillNormalized(config_origin, config));

  ByteLevelBpeTokenizer::Options options;
  RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> add_prefix_space,
                           JsonBool(config, "add_prefix_space", config_origin));
  options.add_prefix_space = add_prefix_space.value_or(false);
  RERANKD_ASSIGN_OR_RETURN(const json vocab, ParseJsonObject(files.vocab, files.vocab_origin));
  RERANKD_ASSIGN_OR_RETURN(options.model.vocabulary, ParseVocabulary(vocab, files.vocab_origin));
  RERANKD_ASSIGN_OR_RETURN(options.model.merges,
                           ParseMergesText(files.merges, files.merges_origin));

  ConfigTokens tokens(config, config_origin);
  RERANKD_RETURN_IF_ERROR(tokens.AddDecoder());
  std::map<std::string, std::optional<std::string>> named;
  for (const auto& [key, by_default] : kNamedTokens) {
    RERANKD_ASSIGN_OR_RETURN(named[key], tokens.AddNamed(key, by_default));
  }
  for (const char* key : kTokenLists) RERANKD_RETURN_IF_ERROR(tokens.AddList(key));
  options.added_tokens = tokens.Take();

  // A token that is not in the vocabulary gets its id from the files beside it. For one that has
  // neither, transformers would invent an id that no model has an embedding for.
  std::unordered_map<std::string_view, int64_t> ids;
  for (const std::string& token : options.model.vocabulary) {
    ids.emplace(token, static_cast<int64_t>(ids.size()));
  }
  for (const AddedToken& token : options.added_tokens) {
    if (ids.contains(token.content)) continue;
    if (!token.stated_id.has_value()) {
      return Refused(files.vocab_origin,
                     fmt::format("lacks the token \"{}\"; add it, or have {} not name it (a "
                                 "\"pad_token\" or \"mask_token\" may be null)",
                                 token.content, config_origin));
    }
    ids.emplace(token.content, *token.stated_id);
  }
  for (const char* key : {"cls_token", "sep_token"}) {
    if (!named[key].has_value()) {
      return Refused(config_origin, fmt::format("\"{}\" must name a token", key));
    }
  }
  options.frame = RobertaFrame(static_cast<int32_t>(ids[*named["cls_token"]]),
                               static_cast<int32_t>(ids[*named["sep_token"]]));
  return options;
}

absl::Status CheckConfigAgrees(const ByteLevelBpeTokenizer::Options& options, const json& config,
                               std::string_view config_origin) {
  RERANKD_ASSIGN_OR_RETURN(const bool as_it_is, TakesTokenizerJsonAsItIs(config, config_origin));
  if (as_it_is) return absl::OkStatus();
  RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> add_prefix_space,
                           JsonBool(config, "add_prefix_space", config_origin));
  if (add_prefix_space.value_or(options.add_prefix_space) != options.add_prefix_space) {
    return Refused(config_origin,
                   fmt::format("\"add_prefix_space\" is {}, but the pre_tokenizer of "
                               "tokenizer.json says the opposite; make them agree",
                               *add_prefix_space));
  }
  return absl::OkStatus();
}

}  // namespace rerankd
