#include "tokenizer/bert_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tokenizer/hf_unicode.h"
#include "tokenizer/utf8_codec.h"
#include "util/json.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

using nlohmann::json;

absl::Status Refused(std::string_view origin, std::string_view problem) {
  return absl::FailedPreconditionError(fmt::format("{}: {}", origin, problem));
}

// An option that is not known may change ids, so its section is not used without it.
absl::Status OnlyKeys(const json& object, std::initializer_list<std::string_view> known,
                      std::string_view origin) {
  for (const auto& item : object.items()) {
    if (std::find(known.begin(), known.end(), item.key()) == known.end()) {
      return Refused(origin, fmt::format("\"{}\" is not supported", item.key()));
    }
  }
  return absl::OkStatus();
}

template <typename T>
absl::StatusOr<T> Required(absl::StatusOr<std::optional<T>> found, std::string_view key,
                           std::string_view origin) {
  RERANKD_ASSIGN_OR_RETURN(std::optional<T> value, std::move(found));
  if (!value.has_value()) return Refused(origin, fmt::format("\"{}\" is missing", key));
  return *std::move(value);
}

absl::StatusOr<std::string> RequiredString(const json& object, const std::string& key,
                                           std::string_view origin) {
  return Required(JsonString(object, key, origin), key, origin);
}
absl::StatusOr<bool> RequiredBool(const json& object, const std::string& key,
                                  std::string_view origin) {
  return Required(JsonBool(object, key, origin), key, origin);
}
absl::StatusOr<int64_t> RequiredInt(const json& object, const std::string& key,
                                    std::string_view origin) {
  return Required(JsonInt(object, key, origin), key, origin);
}

// The section at `key`, which must be an object.
absl::StatusOr<const json*> RequiredObject(const json& parent, const std::string& key,
                                           std::string_view origin) {
  const auto found = parent.find(key);
  if (found == parent.end() || !found->is_object()) {
    return Refused(origin, fmt::format("\"{}\" must be an object", key));
  }
  return &*found;
}

// The section at `key`, which must be of the one supported type.
absl::StatusOr<const json*> SectionOfType(const json& root, const std::string& key,
                                          std::string_view type, std::string_view origin) {
  RERANKD_ASSIGN_OR_RETURN(const json* section, RequiredObject(root, key, origin));
  const std::string section_origin = fmt::format("{}: {}", origin, key);
  RERANKD_ASSIGN_OR_RETURN(const std::string found,
                           RequiredString(*section, "type", section_origin));
  if (found != type) {
    return Refused(section_origin,
                   fmt::format("the type \"{}\" is not supported (\"{}\" is)", found, type));
  }
  return section;
}

// --- tokenizer.json ---

absl::StatusOr<BertNormalizer::Options> ParseNormalizer(const json& root, std::string_view parent) {
  RERANKD_ASSIGN_OR_RETURN(const json* section,
                           SectionOfType(root, "normalizer", "BertNormalizer", parent));
  const std::string origin = fmt::format("{}: normalizer", parent);
  RERANKD_RETURN_IF_ERROR(OnlyKeys(
      *section, {"type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"},
      origin));
  BertNormalizer::Options options;
  RERANKD_ASSIGN_OR_RETURN(options.clean_text, RequiredBool(*section, "clean_text", origin));
  RERANKD_ASSIGN_OR_RETURN(options.handle_chinese_chars,
                           RequiredBool(*section, "handle_chinese_chars", origin));
  RERANKD_ASSIGN_OR_RETURN(options.lowercase, RequiredBool(*section, "lowercase", origin));
  RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> strip_accents,
                           JsonBool(*section, "strip_accents", origin));
  options.strip_accents = strip_accents.value_or(options.lowercase);
  return options;
}

absl::StatusOr<std::vector<std::string>> ParseVocabulary(const json& vocab,
                                                         std::string_view origin) {
  std::vector<std::string> tokens(vocab.size());
  std::vector<bool> taken(vocab.size());
  for (const auto& item : vocab.items()) {
    const json& id = item.value();
    // A parser of JSON yields the unsigned kind for every whole number that is not negative.
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= tokens.size()) {
      return Refused(origin, fmt::format("the id of \"{}\" is {}, but {} tokens must have the ids "
                                         "from 0 to {}",
                                         item.key(), id.dump(), tokens.size(), tokens.size() - 1));
    }
    const auto index = id.get<uint64_t>();
    if (taken[index]) {
      return Refused(origin, fmt::format("\"{}\" and \"{}\" have the same id {}", tokens[index],
                                         item.key(), index));
    }
    taken[index] = true;
    tokens[index] = item.key();
  }
  return tokens;
}

absl::Status ParseModel(const json& root, std::string_view parent,
                        WordPieceTokenizer::Options& options) {
  RERANKD_ASSIGN_OR_RETURN(const json* section, RequiredObject(root, "model", parent));
  const std::string origin = fmt::format("{}: model", parent);
  RERANKD_RETURN_IF_ERROR(OnlyKeys(
      *section,
      {"type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"},
      origin));
  RERANKD_ASSIGN_OR_RETURN(options.unknown_token, RequiredString(*section, "unk_token", origin));
  RERANKD_ASSIGN_OR_RETURN(options.continuing_prefix,
                           RequiredString(*section, "continuing_subword_prefix", origin));
  RERANKD_ASSIGN_OR_RETURN(const int64_t max_word_chars,
                           RequiredInt(*section, "max_input_chars_per_word", origin));
  if (max_word_chars < 0) {
    return Refused(origin,
                   fmt::format("\"max_input_chars_per_word\" is {}, but must not be negative",
                               max_word_chars));
  }
  options.max_word_chars = static_cast<size_t>(max_word_chars);
  RERANKD_ASSIGN_OR_RETURN(const json* vocab, RequiredObject(*section, "vocab", origin));
  RERANKD_ASSIGN_OR_RETURN(options.vocabulary,
                           ParseVocabulary(*vocab, fmt::format("{}.vocab", origin)));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<AddedToken>> ParseAddedTokens(const json& root,
                                                         std::string_view parent) {
  std::vector<AddedToken> tokens;
  const auto list = root.find("added_tokens");
  if (list == root.end()) return tokens;
  if (!list->is_array()) return Refused(parent, "\"added_tokens\" must be a list");
  for (const json& item : *list) {
    const std::string origin = fmt::format("{}: added_tokens[{}]", parent, tokens.size());
    if (!item.is_object()) return Refused(origin, "must be an object");
    RERANKD_RETURN_IF_ERROR(OnlyKeys(
        item, {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"},
        origin));
    AddedToken token;
    RERANKD_ASSIGN_OR_RETURN(token.content, RequiredString(item, "content", origin));
    RERANKD_ASSIGN_OR_RETURN(token.stated_id, RequiredInt(item, "id", origin));
    RERANKD_ASSIGN_OR_RETURN(token.single_word, RequiredBool(item, "single_word", origin));
    RERANKD_ASSIGN_OR_RETURN(token.normalized, RequiredBool(item, "normalized", origin));
    tokens.push_back(std::move(token));
  }
  return tokens;
}

// [<token>, <id>] of a BertProcessing.
absl::StatusOr<int32_t> TokenPairId(const json& section, const std::string& key,
                                    std::string_view origin) {
  const auto pair = section.find(key);
  if (pair == section.end() || !pair->is_array() || pair->size() != 2 || !(*pair)[0].is_string() ||
      !(*pair)[1].is_number_unsigned() ||
      (*pair)[1].get<uint64_t>() > uint64_t{std::numeric_limits<int32_t>::max()}) {
    return Refused(origin, fmt::format("\"{}\" must be a list of a token and its id", key));
  }
  return static_cast<int32_t>((*pair)[1].get<uint64_t>());
}

// One template of a TemplateProcessing, taken apart.
struct Template {
  // Ids before, between and after the sequences, and the type of each part in order.
  std::array<std::vector<int32_t>, 3> specials;
  std::array<std::set<int64_t>, 3> special_types;
  std::vector<int64_t> sequence_types;
};

absl::StatusOr<std::vector<int32_t>> SpecialTokenIds(const json& section, const std::string& name,
                                                     std::string_view origin) {
  RERANKD_ASSIGN_OR_RETURN(const json* tokens, RequiredObject(section, "special_tokens", origin));
  RERANKD_ASSIGN_OR_RETURN(const json* token,
                           RequiredObject(*tokens, name, fmt::format("{}.special_tokens", origin)));
  const auto ids = token->find("ids");
  std::vector<int32_t> result;
  if (ids != token->end() && ids->is_array()) {
    for (const json& id : *ids) {
      if (!id.is_number_unsigned() ||
          id.get<uint64_t>() > uint64_t{std::numeric_limits<int32_t>::max()}) {
        result.clear();
        break;
      }
      result.push_back(static_cast<int32_t>(id.get<uint64_t>()));
    }
  }
  if (result.empty()) {
    return Refused(fmt::format("{}.special_tokens", origin),
                   fmt::format("\"{}\" must have a list of \"ids\"", name));
  }
  return result;
}

absl::StatusOr<Template> ParseTemplate(const json& section, const std::string& key,
                                       size_t sequences, std::string_view parent) {
  const std::string origin = fmt::format("{}.{}", parent, key);
  const auto unsupported = [&] {
    return Refused(origin,
                   sequences == 1
                       ? "must be special tokens around the sequence A"
                       : "must be special tokens around the sequences A and B, in this order");
  };
  const auto list = section.find(key);
  if (list == section.end() || !list->is_array()) return unsupported();
  Template result;
  for (const json& piece : *list) {
    if (!piece.is_object() || piece.size() != 1 || !piece.front().is_object()) return unsupported();
    const std::string& kind = piece.begin().key();
    const json& body = piece.front();
    RERANKD_ASSIGN_OR_RETURN(const std::string id, RequiredString(body, "id", origin));
    RERANKD_ASSIGN_OR_RETURN(const int64_t type, RequiredInt(body, "type_id", origin));
    const size_t seen = result.sequence_types.size();
    if (kind == "Sequence" && seen < sequences && id == (seen == 0 ? "A" : "B")) {
      result.sequence_types.push_back(type);
    } else if (kind == "SpecialToken") {
      RERANKD_ASSIGN_OR_RETURN(const std::vector<int32_t> ids,
                               SpecialTokenIds(section, id, parent));
      result.specials[seen].insert(result.specials[seen].end(), ids.begin(), ids.end());
      result.special_types[seen].insert(type);
    } else {
      return unsupported();
    }
  }
  if (result.sequence_types.size() != sequences) return unsupported();
  return result;
}

absl::StatusOr<Tokenizer::Frame> ParseTemplates(const json& section, std::string_view origin) {
  RERANKD_RETURN_IF_ERROR(OnlyKeys(section, {"type", "single", "pair", "special_tokens"}, origin));
  RERANKD_ASSIGN_OR_RETURN(const Template single, ParseTemplate(section, "single", 1, origin));
  RERANKD_ASSIGN_OR_RETURN(const Template pair, ParseTemplate(section, "pair", 2, origin));
  const int64_t document_type = pair.sequence_types[1];
  const auto all = [](const std::set<int64_t>& types, int64_t wanted) {
    return types.empty() || (types.size() == 1 && *types.begin() == wanted);
  };
  if (!all(single.special_types[0], 0) || single.sequence_types[0] != 0 ||
      !all(single.special_types[1], 0) || !all(pair.special_types[0], 0) ||
      pair.sequence_types[0] != 0 || !all(pair.special_types[1], 0) || document_type < 0 ||
      document_type > 1 || !all(pair.special_types[2], document_type)) {
    return Refused(origin,
                   "only the document and what follows it may have a type_id other than 0, "
                   "the same for both, and that must be 1");
  }
  if (single.specials[0] != pair.specials[0]) {
    return Refused(origin, "\"single\" and \"pair\" must begin with the same special tokens");
  }
  return Tokenizer::Frame{.prefix = pair.specials[0],
                          .separator = pair.specials[1],
                          .suffix = pair.specials[2],
                          .single_suffix = single.specials[1],
                          .document_type_id = static_cast<int32_t>(document_type)};
}

Tokenizer::Frame BertFrame(int32_t cls, int32_t sep) {
  return {.prefix = {cls},
          .separator = {sep},
          .suffix = {sep},
          .single_suffix = {sep},
          .document_type_id = 1};
}

absl::StatusOr<Tokenizer::Frame> ParsePostProcessor(const json& root, std::string_view parent) {
  RERANKD_ASSIGN_OR_RETURN(const json* section, RequiredObject(root, "post_processor", parent));
  const std::string origin = fmt::format("{}: post_processor", parent);
  RERANKD_ASSIGN_OR_RETURN(const std::string type, RequiredString(*section, "type", origin));
  if (type == "TemplateProcessing") return ParseTemplates(*section, origin);
  if (type == "BertProcessing") {
    RERANKD_RETURN_IF_ERROR(OnlyKeys(*section, {"type", "sep", "cls"}, origin));
    RERANKD_ASSIGN_OR_RETURN(const int32_t cls, TokenPairId(*section, "cls", origin));
    RERANKD_ASSIGN_OR_RETURN(const int32_t sep, TokenPairId(*section, "sep", origin));
    return BertFrame(cls, sep);
  }
  return Refused(origin, fmt::format("the type \"{}\" is not supported (\"TemplateProcessing\" and "
                                     "\"BertProcessing\" are)",
                                     type));
}

// --- vocab.txt and tokenizer_config.json ---

// Lines as Rust's `lines()` and `trim_end()` yield them. An empty line's id is never used.
std::vector<std::string> VocabularyLines(std::string_view text) {
  std::vector<std::string> tokens;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    size_t length = end;
    for (size_t at = end; at > 0 && hf_unicode::IsWhitespace(PreviousCodePoint(text, at));) {
      length = at;
    }
    tokens.emplace_back(text.substr(0, length));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return tokens;
}

// A token of tokenizer_config.json: its text, or an object with it. No content: null or missing.
absl::StatusOr<std::optional<AddedToken>> ConfigToken(const json& value, std::string_view origin) {
  if (value.is_null()) return std::nullopt;
  AddedToken token;
  if (value.is_string()) {
    token.content = value.get<std::string>();
    return token;
  }
  if (!value.is_object()) return Refused(origin, "must be a token");
  RERANKD_ASSIGN_OR_RETURN(token.content, RequiredString(value, "content", origin));
  RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> single_word,
                           JsonBool(value, "single_word", origin));
  RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> normalized,
                           JsonBool(value, "normalized", origin));
  token.single_word = single_word.value_or(false);
  token.normalized = normalized.value_or(false);
  return token;
}

// The added tokens in the order in which transformers adds them: "added_tokens_decoder" by id, then
// the named ones, then the lists.
class ConfigTokens {
 public:
  ConfigTokens(const json& config, std::string_view origin) : config_(config), origin_(origin) {}

  absl::Status AddDecoder() {
    const auto decoder = config_.find("added_tokens_decoder");
    if (decoder == config_.end() || decoder->is_null()) return absl::OkStatus();
    if (!decoder->is_object()) {
      return Refused(origin_, "\"added_tokens_decoder\" must be an object");
    }
    std::map<int64_t, AddedToken> by_id;
    for (const auto& item : decoder->items()) {
      const std::string item_origin =
          fmt::format("{}: added_tokens_decoder.{}", origin_, item.key());
      RERANKD_ASSIGN_OR_RETURN(std::optional<AddedToken> token,
                               ConfigToken(item.value(), item_origin));
      int64_t id = 0;
      const char* const end = item.key().data() + item.key().size();
      if (const auto [stop, error] = std::from_chars(item.key().data(), end, id);
          error != std::errc{} || stop != end || !token.has_value()) {
        return Refused(item_origin, "must be an id with a token");
      }
      token->stated_id = id;
      by_id[id] = *std::move(token);
    }
    for (auto& [id, token] : by_id) {
      contents_.insert(token.content);
      tokens_.push_back(std::move(token));
    }
    return absl::OkStatus();
  }

  // The content of the token that the config names at `key`, nullopt when it is null.
  absl::StatusOr<std::optional<std::string>> AddNamed(const std::string& key,
                                                      const std::string& by_default) {
    const auto value = config_.find(key);
    RERANKD_ASSIGN_OR_RETURN(std::optional<AddedToken> token,
                             ConfigToken(value == config_.end() ? json(by_default) : *value,
                                         fmt::format("{}: {}", origin_, key)));
    if (!token.has_value()) return std::nullopt;
    std::string content = token->content;
    Add(*std::move(token));
    return content;
  }

  absl::Status AddList(const std::string& key) {
    const auto list = config_.find(key);
    if (list == config_.end() || list->is_null()) return absl::OkStatus();
    const std::string list_origin = fmt::format("{}: {}", origin_, key);
    // An object gives each token a name, which does not matter here.
    if (!list->is_array() && !list->is_object()) return Refused(list_origin, "must be a list");
    for (const json& value : *list) {
      RERANKD_ASSIGN_OR_RETURN(std::optional<AddedToken> token, ConfigToken(value, list_origin));
      if (!token.has_value()) return Refused(list_origin, "must be a list of tokens");
      Add(*std::move(token));
    }
    return absl::OkStatus();
  }

  std::vector<AddedToken> Take() { return std::move(tokens_); }

 private:
  void Add(AddedToken token) {
    if (contents_.insert(token.content).second) tokens_.push_back(std::move(token));
  }

  const json& config_;
  std::string_view origin_;
  std::vector<AddedToken> tokens_;
  std::set<std::string> contents_;
};

}  // namespace

absl::StatusOr<WordPieceTokenizer::Options> ParseBertTokenizerJson(const json& root,
                                                                   std::string_view origin) {
  RERANKD_RETURN_IF_ERROR(
      OnlyKeys(root,
               {"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                "post_processor", "decoder", "model"},
               origin));
  RERANKD_ASSIGN_OR_RETURN(const std::optional<std::string> version,
                           JsonString(root, "version", origin));
  if (version.value_or("1.0") != "1.0") {
    return Refused(origin,
                   fmt::format("the version \"{}\" is not supported (\"1.0\" is)", *version));
  }
  // Of "truncation" only the side outlives being replaced at each call.
  if (const auto truncation = root.find("truncation");
      truncation != root.end() && truncation->is_object() &&
      truncation->value("direction", json("Right")) != json("Right")) {
    return Refused(origin, "truncation: only the \"direction\" \"Right\" is supported");
  }
  WordPieceTokenizer::Options options;
  RERANKD_ASSIGN_OR_RETURN(options.normalizer, ParseNormalizer(root, origin));
  RERANKD_ASSIGN_OR_RETURN(const json* pre_tokenizer,
                           SectionOfType(root, "pre_tokenizer", "BertPreTokenizer", origin));
  RERANKD_RETURN_IF_ERROR(
      OnlyKeys(*pre_tokenizer, {"type"}, fmt::format("{}: pre_tokenizer", origin)));
  RERANKD_ASSIGN_OR_RETURN(options.frame, ParsePostProcessor(root, origin));
  RERANKD_RETURN_IF_ERROR(ParseModel(root, origin, options));
  RERANKD_ASSIGN_OR_RETURN(options.added_tokens, ParseAddedTokens(root, origin));
  return options;
}

absl::StatusOr<WordPieceTokenizer::Options> ParseBertVocabulary(const BertVocabularyFiles& files) {
  const json& config = files.config;
  const std::string_view config_origin = files.config_origin;
  RERANKD_ASSIGN_OR_RETURN(const std::optional<std::string> tokenizer_class,
                           JsonString(config, "tokenizer_class", config_origin));
  static constexpr std::array<std::string_view, 6> kClasses = {
      "BertTokenizer",           "BertTokenizerFast", "DistilBertTokenizer",
      "DistilBertTokenizerFast", "ElectraTokenizer",  "ElectraTokenizerFast"};
  if (tokenizer_class.has_value() &&
      std::find(kClasses.begin(), kClasses.end(), *tokenizer_class) == kClasses.end()) {
    return Refused(config_origin,
                   fmt::format("the tokenizer_class \"{}\" is not supported from vocab.txt alone; "
                               "save the tokenizer with a tokenizer.json",
                               *tokenizer_class));
  }
  WordPieceTokenizer::Options options;
  RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> lowercase,
                           JsonBool(config, "do_lower_case", config_origin));
  RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> strip_accents,
                           JsonBool(config, "strip_accents", config_origin));
  RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> chinese,
                           JsonBool(config, "tokenize_chinese_chars", config_origin));
  options.normalizer.lowercase = lowercase.value_or(true);
  options.normalizer.strip_accents = strip_accents.value_or(options.normalizer.lowercase);
  options.normalizer.handle_chinese_chars = chinese.value_or(true);

  options.vocabulary = VocabularyLines(files.vocab);
  if (options.vocabulary.empty()) return Refused(files.vocab_origin, "is empty");
  ConfigTokens tokens(config, config_origin);
  RERANKD_RETURN_IF_ERROR(tokens.AddDecoder());
  std::map<std::string, std::optional<std::string>> named;
  for (const auto& [key, by_default] :
       std::initializer_list<std::pair<const char*, const char*>>{{"unk_token", "[UNK]"},
                                                                  {"sep_token", "[SEP]"},
                                                                  {"pad_token", "[PAD]"},
                                                                  {"cls_token", "[CLS]"},
                                                                  {"mask_token", "[MASK]"}}) {
    RERANKD_ASSIGN_OR_RETURN(named[key], tokens.AddNamed(key, by_default));
    if (!files.special_tokens_map.contains(key)) continue;
    RERANKD_ASSIGN_OR_RETURN(
        const std::optional<AddedToken> mapped,
        ConfigToken(files.special_tokens_map.at(key), files.special_tokens_map_origin));
    if (mapped.has_value() && mapped->content != named[key]) {
      return Refused(files.special_tokens_map_origin,
                     fmt::format("\"{}\" is \"{}\", but not by {}; make them agree", key,
                                 mapped->content, config_origin));
    }
  }
  RERANKD_RETURN_IF_ERROR(tokens.AddList("additional_special_tokens"));
  RERANKD_RETURN_IF_ERROR(tokens.AddList("extra_special_tokens"));
  options.added_tokens = tokens.Take();

  // A token without a line in vocab.txt gets its id from "added_tokens_decoder". For one that has
  // neither, transformers would invent an id that no model has an embedding for.
  std::unordered_map<std::string_view, int64_t> ids;
  for (size_t id = 0; id < options.vocabulary.size(); ++id) {
    ids.emplace(options.vocabulary[id], static_cast<int64_t>(id));
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
  for (const char* key : {"unk_token", "cls_token", "sep_token"}) {
    if (!named[key].has_value()) {
      return Refused(config_origin, fmt::format("\"{}\" must name a token", key));
    }
  }
  options.unknown_token = *named["unk_token"];
  options.frame = BertFrame(static_cast<int32_t>(ids[*named["cls_token"]]),
                            static_cast<int32_t>(ids[*named["sep_token"]]));
  return options;
}

absl::Status CheckConfigAgrees(const BertNormalizer::Options& normalizer, const json& config,
                               std::string_view config_origin) {
  RERANKD_ASSIGN_OR_RETURN(const std::optional<std::string> tokenizer_class,
                           JsonString(config, "tokenizer_class", config_origin));
  // These classes take tokenizer.json as it is.
  if (tokenizer_class == "PreTrainedTokenizerFast" || tokenizer_class == "TokenizersBackend") {
    return absl::OkStatus();
  }
  for (const auto& [key, in_json] :
       {std::pair("do_lower_case", normalizer.lowercase),
        std::pair("strip_accents", normalizer.strip_accents),
        std::pair("tokenize_chinese_chars", normalizer.handle_chinese_chars)}) {
    RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> in_config,
                             JsonBool(config, key, config_origin));
    if (in_config.value_or(in_json) != in_json) {
      return Refused(config_origin,
                     fmt::format("\"{}\" is {}, but the normalizer of tokenizer.json does the "
                                 "opposite; make them agree",
                                 key, *in_config));
    }
  }
  return absl::OkStatus();
}

}  // namespace rerankd
