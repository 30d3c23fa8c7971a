#include "tokenizer/bert_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tokenizer/hf_unicode.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/tokenizer_config.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/utf8_codec.h"
#include "util/json.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

using nlohmann::json;

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

}  // namespace

absl::StatusOr<WordPieceTokenizer::Options> ParseBertTokenizerJson(const json& root,
                                                                   std::string_view origin) {
  RERANKD_RETURN_IF_ERROR(CheckTokenizerJson(root, origin));
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
  RERANKD_ASSIGN_OR_RETURN(const bool as_it_is, TakesTokenizerJsonAsItIs(config, config_origin));
  if (as_it_is) return absl::OkStatus();
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
