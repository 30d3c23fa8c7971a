#include "tokenizer/tokenizer_json.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "tokenizer/json_fields.h"
#include "util/json.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

using nlohmann::json;

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

absl::StatusOr<Tokenizer::Frame> ParseProcessor(const json& section, std::string_view origin) {
  RERANKD_ASSIGN_OR_RETURN(const std::string type, RequiredString(section, "type", origin));
  if (type == "TemplateProcessing") return ParseTemplates(section, origin);
  const bool bert = type == "BertProcessing";
  if (bert || type == "RobertaProcessing") {
    // The last two only move offsets.
    RERANKD_RETURN_IF_ERROR(
        bert ? OnlyKeys(section, {"type", "sep", "cls"}, origin)
             : OnlyKeys(section, {"type", "sep", "cls", "trim_offsets", "add_prefix_space"},
                        origin));
    RERANKD_ASSIGN_OR_RETURN(const int32_t cls, TokenPairId(section, "cls", origin));
    RERANKD_ASSIGN_OR_RETURN(const int32_t sep, TokenPairId(section, "sep", origin));
    return bert ? BertFrame(cls, sep) : RobertaFrame(cls, sep);
  }
  return Refused(origin,
                 fmt::format("the type \"{}\" is not supported (\"TemplateProcessing\", "
                             "\"BertProcessing\", \"RobertaProcessing\" and a \"Sequence\" of one "
                             "of them and \"ByteLevel\" are)",
                             type));
}

}  // namespace

std::string TokenizerModelType(const json& root) {
  const auto model = root.find("model");
  if (model == root.end() || !model->is_object()) return "";
  const auto type = model->find("type");
  if (type == model->end()) {
    if (model->contains("merges")) return "BPE";
    return model->contains("max_input_chars_per_word") ? "WordPiece" : "";
  }
  return type->is_string() ? type->get<std::string>() : "";
}

absl::Status CheckTokenizerJson(const json& root, std::string_view origin) {
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
  if (const auto truncation = root.find("truncation");
      truncation != root.end() && truncation->is_object() &&
      truncation->value("direction", json("Right")) != json("Right")) {
    return Refused(origin, "truncation: only the \"direction\" \"Right\" is supported");
  }
  return absl::OkStatus();
}

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

absl::StatusOr<std::vector<std::string>> ParseVocabulary(const json& vocab,
                                                         std::string_view origin) {
  std::vector<std::string> tokens(vocab.size());
  std::vector<bool> taken(vocab.size());
  for (const auto& item : vocab.items()) {
    const json& id = item.value();
    // A parser of JSON yields the unsigned kind for every whole number that is not negative.
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= tokens.size()) {
      return Refused(origin,
                     fmt::format("the id of \"{}\" is {}, but {} tokens must have the ids "
                                 "from 0 to {}",
                                 item.key(), JsonExcerpt(id), tokens.size(), tokens.size() - 1));
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
    RERANKD_ASSIGN_OR_RETURN(token.lstrip, RequiredBool(item, "lstrip", origin));
    RERANKD_ASSIGN_OR_RETURN(token.rstrip, RequiredBool(item, "rstrip", origin));
    RERANKD_ASSIGN_OR_RETURN(token.normalized, RequiredBool(item, "normalized", origin));
    tokens.push_back(std::move(token));
  }
  return tokens;
}

absl::StatusOr<Tokenizer::Frame> ParsePostProcessor(const json& root, std::string_view parent) {
  RERANKD_ASSIGN_OR_RETURN(const json* section, RequiredObject(root, "post_processor", parent));
  const std::string origin = fmt::format("{}: post_processor", parent);
  RERANKD_ASSIGN_OR_RETURN(const std::string type, RequiredString(*section, "type", origin));
  if (type != "Sequence") return ParseProcessor(*section, origin);
  RERANKD_RETURN_IF_ERROR(OnlyKeys(*section, {"type", "processors"}, origin));
  const auto list = section->find("processors");
  if (list == section->end() || !list->is_array()) {
    return Refused(origin, "\"processors\" must be a list");
  }
  std::optional<Tokenizer::Frame> frame;
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string item_origin = fmt::format("{}.processors[{}]", origin, i);
    if (!(*list)[i].is_object()) return Refused(item_origin, "must be an object");
    RERANKD_ASSIGN_OR_RETURN(const std::string item_type,
                             RequiredString((*list)[i], "type", item_origin));
    if (item_type == "ByteLevel") continue;
    if (frame.has_value()) return Refused(item_origin, "only one may add special tokens");
    RERANKD_ASSIGN_OR_RETURN(frame, ParseProcessor((*list)[i], item_origin));
  }
  if (!frame.has_value()) return Refused(origin, "must have a part that adds special tokens");
  return *std::move(frame);
}

Tokenizer::Frame BertFrame(int32_t cls, int32_t sep) {
  return {.prefix = {cls},
          .separator = {sep},
          .suffix = {sep},
          .single_suffix = {sep},
          .document_type_id = 1};
}

Tokenizer::Frame RobertaFrame(int32_t cls, int32_t sep) {
  return {.prefix = {cls}, .separator = {sep, sep}, .suffix = {sep}, .single_suffix = {sep}};
}

absl::StatusOr<bool> TakesTokenizerJsonAsItIs(const json& config, std::string_view config_origin) {
  RERANKD_ASSIGN_OR_RETURN(const std::optional<std::string> tokenizer_class,
                           JsonString(config, "tokenizer_class", config_origin));
  return tokenizer_class == "PreTrainedTokenizerFast" || tokenizer_class == "TokenizersBackend";
}

}  // namespace rerankd
