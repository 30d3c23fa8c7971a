#include "tokenizer/unigram_files.h"

#include <fmt/format.h>

#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "tokenizer/hf_unicode.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/precompiled_charsmap.h"
#include "tokenizer/sentencepiece_model.h"
#include "tokenizer/tokenizer_config.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/utf8_codec.h"
#include "util/json.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

using nlohmann::json;
using Metaspace = UnigramTokenizer::Metaspace;

// What the steps of a normalizer mean for Metaspace's prepend_scheme "first".
struct Steps {
  std::vector<std::unique_ptr<NormalizerStep>> steps;
  std::string
      moves_beginning;  // a step after which the first character may not be the text's first
};

absl::StatusOr<std::unique_ptr<NormalizerStep>> ParsePrecompiled(const json& section,
                                                                 std::string_view origin) {
  RERANKD_RETURN_IF_ERROR(OnlyKeys(section, {"type", "precompiled_charsmap"}, origin));
  RERANKD_ASSIGN_OR_RETURN(const std::string encoded,
                           RequiredString(section, "precompiled_charsmap", origin));
  std::string bytes;
  if (!absl::Base64Unescape(encoded, &bytes)) {
    return Refused(origin, "\"precompiled_charsmap\" must be in base64");
  }
  absl::StatusOr<PrecompiledCharsmap> charsmap = PrecompiledCharsmap::Parse(bytes);
  if (!charsmap.ok()) return Refused(origin, charsmap.status());
  return MakePrecompiledStep(*std::move(charsmap));
}

absl::StatusOr<std::unique_ptr<NormalizerStep>> ParseReplace(const json& section,
                                                             std::string_view origin) {
  RERANKD_RETURN_IF_ERROR(OnlyKeys(section, {"type", "pattern", "content"}, origin));
  RERANKD_ASSIGN_OR_RETURN(std::string content, RequiredString(section, "content", origin));
  RERANKD_ASSIGN_OR_RETURN(const json* pattern, RequiredObject(section, "pattern", origin));
  const std::string pattern_origin = fmt::format("{}.pattern", origin);
  RERANKD_RETURN_IF_ERROR(OnlyKeys(*pattern, {"String", "Regex"}, pattern_origin));
  RERANKD_ASSIGN_OR_RETURN(const std::optional<std::string> text,
                           JsonString(*pattern, "String", pattern_origin));
  RERANKD_ASSIGN_OR_RETURN(const std::optional<std::string> regex,
                           JsonString(*pattern, "Regex", pattern_origin));
  if (text.has_value() == regex.has_value()) {
    return Refused(pattern_origin, "must have a \"String\" or a \"Regex\"");
  }
  if (text.has_value()) {
    if (text->empty()) return Refused(pattern_origin, "\"String\" must not be empty");
    return MakeReplaceStep(*text, std::move(content));
  }
  if (*regex == " {2,}") return MakeReplaceRunsStep(SpaceRuns::kSpaces, std::move(content));
  if (*regex == R"(\s{2,}|[\n\r\t])") {
    return MakeReplaceRunsStep(SpaceRuns::kWhiteSpaceAndBreaks, std::move(content));
  }
  return Refused(pattern_origin,
                 fmt::format("the regular expression \"{}\" is not supported (\" {{2,}}\" and "
                             "\"\\s{{2,}}|[\\n\\r\\t]\" are)",
                             *regex));
}

std::optional<UnicodeForm> FormOf(std::string_view type) {
  if (type == "NFC") return UnicodeForm::kNfc;
  if (type == "NFD") return UnicodeForm::kNfd;
  if (type == "NFKC") return UnicodeForm::kNfkc;
  if (type == "NFKD") return UnicodeForm::kNfkd;
  return std::nullopt;
}

absl::Status ParseNormalizer(const json& section, std::string_view origin, Steps& result) {
  if (!section.is_object()) return Refused(origin, "must be an object");
  RERANKD_ASSIGN_OR_RETURN(const std::string type, RequiredString(section, "type", origin));
  if (type == "Precompiled") {
    RERANKD_ASSIGN_OR_RETURN(result.steps.emplace_back(), ParsePrecompiled(section, origin));
    return absl::OkStatus();
  }
  if (type == "Replace") {
    RERANKD_ASSIGN_OR_RETURN(result.steps.emplace_back(), ParseReplace(section, origin));
    result.moves_beginning = type;
    return absl::OkStatus();
  }
  if (type == "Strip") {
    RERANKD_RETURN_IF_ERROR(OnlyKeys(section, {"type", "strip_left", "strip_right"}, origin));
    RERANKD_ASSIGN_OR_RETURN(const bool left, RequiredBool(section, "strip_left", origin));
    RERANKD_ASSIGN_OR_RETURN(const bool right, RequiredBool(section, "strip_right", origin));
    result.steps.push_back(MakeStripStep(left, right));
    if (left) result.moves_beginning = type;
    return absl::OkStatus();
  }
  if (type == "Prepend") {
    RERANKD_RETURN_IF_ERROR(OnlyKeys(section, {"type", "prepend"}, origin));
    RERANKD_ASSIGN_OR_RETURN(std::string prefix, RequiredString(section, "prepend", origin));
    result.steps.push_back(MakePrependStep(std::move(prefix)));
    return absl::OkStatus();
  }
  if (type == "Sequence") {
    RERANKD_RETURN_IF_ERROR(OnlyKeys(section, {"type", "normalizers"}, origin));
    const auto list = section.find("normalizers");
    if (list == section.end() || !list->is_array()) {
      return Refused(origin, "\"normalizers\" must be a list");
    }
    for (size_t i = 0; i < list->size(); ++i) {
      const std::string item_origin = fmt::format("{}.normalizers[{}]", origin, i);
      if ((*list)[i].is_object() && (*list)[i].value("type", json()) == "Sequence") {
        return Refused(item_origin, "a \"Sequence\" in a \"Sequence\" is not supported");
      }
      RERANKD_RETURN_IF_ERROR(ParseNormalizer((*list)[i], item_origin, result));
    }
    return absl::OkStatus();
  }
  RERANKD_RETURN_IF_ERROR(OnlyKeys(section, {"type"}, origin));
  if (const std::optional<UnicodeForm> form = FormOf(type); form.has_value()) {
    const bool compatible = *form == UnicodeForm::kNfkc || *form == UnicodeForm::kNfkd;
    if (compatible && !hf_unicode::HasCompatibilityTable()) {
      return Refused(origin, fmt::format("\"{}\" needs ICU's data (libicudata)", type));
    }
    result.steps.push_back(MakeUnicodeStep(*form));
  } else if (type == "Lowercase") {
    result.steps.push_back(MakeLowercaseStep());
  } else if (type == "StripAccents") {
    result.steps.push_back(MakeStripAccentsStep());
    result.moves_beginning = type;
  } else {
    return Refused(origin,
                   fmt::format("the type \"{}\" is not supported (\"Precompiled\", \"Replace\", "
                               "\"Strip\", \"StripAccents\", \"Lowercase\", \"Prepend\", \"NFC\", "
                               "\"NFD\", \"NFKC\", \"NFKD\" and a \"Sequence\" of them are)",
                               type));
  }
  return absl::OkStatus();
}

absl::StatusOr<Metaspace> ParseMetaspace(const json& section, std::string_view origin) {
  RERANKD_RETURN_IF_ERROR(OnlyKeys(
      section, {"type", "replacement", "add_prefix_space", "prepend_scheme", "split", "str_rep"},
      origin));
  Metaspace result;
  RERANKD_ASSIGN_OR_RETURN(result.mark, RequiredString(section, "replacement", origin));
  size_t length = 0;
  if (!result.mark.empty()) NextCodePoint(result.mark, length);
  if (result.mark.empty() || length != result.mark.size()) {
    return Refused(origin, "\"replacement\" must be one character");
  }
  RERANKD_ASSIGN_OR_RETURN(const std::optional<std::string> scheme,
                           JsonString(section, "prepend_scheme", origin));
  if (scheme == "first") {
    result.prepend = Metaspace::Prepend::kFirst;
  } else if (scheme == "never") {
    result.prepend = Metaspace::Prepend::kNever;
  } else if (scheme.value_or("always") != "always") {
    return Refused(origin, fmt::format("the prepend_scheme \"{}\" is not supported (\"always\", "
                                       "\"first\" and \"never\" are)",
                                       *scheme));
  }
  RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> add_prefix_space,
                           JsonBool(section, "add_prefix_space", origin));
  if (!add_prefix_space.value_or(true) && result.prepend != Metaspace::Prepend::kNever) {
    return Refused(origin,
                   "\"add_prefix_space\" is false, so \"prepend_scheme\" must be \"never\"");
  }
  RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> split, JsonBool(section, "split", origin));
  result.split = split.value_or(true);
  return result;
}

absl::Status ParsePreTokenizer(const json& root, std::string_view parent,
                               UnigramTokenizer::Options& options) {
  const auto section = root.find("pre_tokenizer");
  if (section == root.end() || section->is_null()) return absl::OkStatus();
  const std::string origin = fmt::format("{}: pre_tokenizer", parent);
  if (!section->is_object()) return Refused(origin, "must be an object");
  RERANKD_ASSIGN_OR_RETURN(const std::string type, RequiredString(*section, "type", origin));
  std::vector<std::pair<const json*, std::string>> parts;
  if (type == "Sequence") {
    RERANKD_RETURN_IF_ERROR(OnlyKeys(*section, {"type", "pretokenizers"}, origin));
    const auto list = section->find("pretokenizers");
    if (list == section->end() || !list->is_array()) {
      return Refused(origin, "\"pretokenizers\" must be a list");
    }
    for (size_t i = 0; i < list->size(); ++i) {
      parts.emplace_back(&(*list)[i], fmt::format("{}.pretokenizers[{}]", origin, i));
    }
  } else {
    parts.emplace_back(&*section, origin);
  }
  for (const auto& [part, part_origin] : parts) {
    if (!part->is_object()) return Refused(part_origin, "must be an object");
    RERANKD_ASSIGN_OR_RETURN(const std::string part_type,
                             RequiredString(*part, "type", part_origin));
    if (part_type == "WhitespaceSplit" && !options.metaspace.has_value()) {
      RERANKD_RETURN_IF_ERROR(OnlyKeys(*part, {"type"}, part_origin));
      options.split_at_white_space = true;
    } else if (part_type == "Metaspace" && !options.metaspace.has_value()) {
      RERANKD_ASSIGN_OR_RETURN(options.metaspace, ParseMetaspace(*part, part_origin));
    } else {
      return Refused(part_origin,
                     fmt::format("the type \"{}\" is not supported here (\"WhitespaceSplit\", "
                                 "\"Metaspace\" and a \"Sequence\" of these two are)",
                                 part_type));
    }
  }
  return absl::OkStatus();
}

// With "first" Hugging Face asks whether the first character stood at the text's beginning, by an
// alignment of characters that is not kept here. Where it is not certain, it is refused.
absl::Status CheckPrependFirst(const UnigramTokenizer::Options& options,
                               std::string_view moves_beginning, std::string_view parent) {
  if (!options.metaspace.has_value() || options.metaspace->prepend != Metaspace::Prepend::kFirst) {
    return absl::OkStatus();
  }
  std::string beside(moves_beginning);
  if (options.split_at_white_space) beside = "WhitespaceSplit";
  for (const AddedToken& token : options.added_tokens) {
    if (token.normalized) beside = "normalized";
  }
  if (beside.empty()) return absl::OkStatus();
  return Refused(
      fmt::format("{}: pre_tokenizer", parent),
      fmt::format("the prepend_scheme \"first\" is not supported beside \"{}\"", beside));
}

// --- SentencePiece files ---

enum class Family { kXlmRoberta, kCamembert, kT5 };

// By tokenizer_config.json's "tokenizer_class", or else by config.json's "model_type".
absl::StatusOr<Family> FamilyOf(const SentencePieceFiles& files) {
  RERANKD_ASSIGN_OR_RETURN(std::optional<std::string> name,
                           JsonString(files.config, "tokenizer_class", files.config_origin));
  if (name.has_value() && name->ends_with("Fast")) name->resize(name->size() - 4);
  if (name == "XLMRobertaTokenizer") return Family::kXlmRoberta;
  if (name == "CamembertTokenizer") return Family::kCamembert;
  if (name == "T5Tokenizer") return Family::kT5;
  if (name.has_value()) {
    return Refused(files.config_origin,
                   fmt::format("the tokenizer_class \"{}\" is not supported from a SentencePiece "
                               "model alone (\"XLMRobertaTokenizer\", \"CamembertTokenizer\" and "
                               "\"T5Tokenizer\" are); save the tokenizer with a tokenizer.json",
                               *name));
  }
  const auto type = files.model_config.find("model_type");
  const std::string model_type =
      type != files.model_config.end() && type->is_string() ? type->get<std::string>() : "";
  if (model_type == "xlm-roberta") return Family::kXlmRoberta;
  if (model_type == "camembert") return Family::kCamembert;
  if (model_type == "t5" || model_type == "mt5") return Family::kT5;
  return Refused(
      files.config_origin,
      "\"tokenizer_class\" must say how the ids follow from the SentencePiece model, for "
      "example \"XLMRobertaTokenizer\"");
}

// The ids of the family: which pieces stand before and after those of the model, which it drops.
absl::StatusOr<std::vector<UnigramPiece>> FamilyPieces(
    Family family, SentencePieceModel& model, int64_t extra_ids,
    const std::map<std::string, std::string>& named, std::string_view origin) {
  using Type = SentencePieceModel::PieceType;
  const auto begins_with = [&model](std::initializer_list<Type> types) {
    return model.types.size() >= types.size() &&
           std::equal(types.begin(), types.end(), model.types.begin());
  };
  std::vector<UnigramPiece> pieces;
  size_t dropped = 0;
  switch (family) {
    case Family::kXlmRoberta:
      if (!begins_with({Type::kUnknown, Type::kControl, Type::kControl})) {
        return Refused(origin, "must begin with the pieces <unk>, <s> and </s>");
      }
      dropped = 3;
      pieces = {{named.at("bos_token")},
                {named.at("pad_token")},
                {named.at("eos_token")},
                {named.at("unk_token")}};
      break;
    case Family::kCamembert:
      if (!begins_with({Type::kUnknown})) return Refused(origin, "must begin with the piece <unk>");
      dropped = 1;
      pieces = {{"<s>NOTUSED"},
                {named.at("pad_token")},
                {"</s>NOTUSED"},
                {named.at("unk_token")},
                {"<unk>NOTUSED", -100}};
      break;
    case Family::kT5:
      if (!begins_with({Type::kControl, Type::kControl, Type::kUnknown})) {
        return Refused(origin, "must begin with the pieces <pad>, </s> and <unk>");
      }
      break;
  }
  std::move(model.pieces.begin() + static_cast<ptrdiff_t>(dropped), model.pieces.end(),
            std::back_inserter(pieces));
  if (family == Family::kT5) {
    for (int64_t i = extra_ids - 1; i >= 0; --i)
      pieces.push_back({fmt::format("<extra_id_{}>", i)});
  } else {
    pieces.push_back({named.at("mask_token")});
  }
  return pieces;
}

// The special tokens without a name of their own: the list of the config, even an empty one;
// without it what the model marks, and T5's extra ids.
absl::Status AddFurtherTokens(const json& config, std::string_view origin,
                              const SentencePieceModel& model, int64_t extra_ids,
                              ConfigTokens& tokens) {
  for (const char* key : {"extra_special_tokens", "additional_special_tokens"}) {
    const auto list = config.find(key);
    if (list == config.end() || list->is_null() || (list->is_object() && list->empty())) continue;
    if (!list->is_array()) return Refused(origin, fmt::format("\"{}\" must be a list", key));
    return tokens.AddList(key);
  }
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    if (model.types[i] == SentencePieceModel::PieceType::kControl ||
        model.types[i] == SentencePieceModel::PieceType::kUserDefined) {
      tokens.Add({.content = model.pieces[i].text});
    }
  }
  for (int64_t i = 0; i < extra_ids; ++i) {
    tokens.Add({.content = fmt::format("<extra_id_{}>", i)});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<UnigramTokenizer::Options> ParseSentencePieceFiles(const SentencePieceFiles& files) {
  const std::string_view config_origin = files.config_origin;
  RERANKD_ASSIGN_OR_RETURN(const Family family, FamilyOf(files));
  RERANKD_ASSIGN_OR_RETURN(SentencePieceModel model,
                           ParseSentencePieceModel(files.model, files.model_origin));
  // special_tokens_map.json is read where the newer "added_tokens_decoder" is not there.
  json config = files.config;
  if (!config.contains("added_tokens_decoder")) config.update(files.special_tokens_map);

  ConfigTokens tokens(config, config_origin);
  RERANKD_RETURN_IF_ERROR(tokens.AddDecoder());
  std::vector<std::pair<const char*, const char*>> defaults = {
      {"eos_token", "</s>"}, {"unk_token", "<unk>"}, {"pad_token", "<pad>"}};
  if (family != Family::kT5) {
    if (family == Family::kCamembert && config.value("mask_token", json("<mask>")).is_string()) {
      tokens.Add({.content = config.value("mask_token", "<mask>"), .lstrip = true});
    }
    defaults.insert(defaults.end(), {{"bos_token", "<s>"},
                                     {"sep_token", "</s>"},
                                     {"cls_token", "<s>"},
                                     {"mask_token", "<mask>"}});
  }
  std::map<std::string, std::string> named;
  for (const auto& [key, by_default] : defaults) {
    RERANKD_ASSIGN_OR_RETURN(const std::optional<std::string> content,
                             tokens.AddNamed(key, by_default));
    if (!content.has_value()) {
      return Refused(config_origin, fmt::format("\"{}\" must name a token", key));
    }
    named[key] = *content;
  }
  RERANKD_ASSIGN_OR_RETURN(const std::optional<int64_t> stated_extra_ids,
                           JsonInt(config, "extra_ids", config_origin));
  const int64_t extra_ids = stated_extra_ids.value_or(100);
  if (extra_ids < 0 || extra_ids > 10000) {
    return Refused(config_origin,
                   fmt::format("\"extra_ids\" is {}, but must be from 0 to 10000", extra_ids));
  }
  RERANKD_RETURN_IF_ERROR(AddFurtherTokens(config, config_origin, model,
                                           family == Family::kT5 ? extra_ids : 0, tokens));

  UnigramTokenizer::Options options;
  options.added_tokens = tokens.Take();
  if (!model.charsmap.empty()) {
    absl::StatusOr<PrecompiledCharsmap> charsmap = PrecompiledCharsmap::Parse(model.charsmap);
    if (!charsmap.ok()) return Refused(files.model_origin, charsmap.status());
    std::vector<std::unique_ptr<NormalizerStep>> steps;
    steps.push_back(MakePrecompiledStep(*std::move(charsmap)));
    options.normalizer = TextNormalizer(std::move(steps));
  }
  RERANKD_ASSIGN_OR_RETURN(options.pieces,
                           FamilyPieces(family, model, extra_ids, named, files.model_origin));
  options.unknown_id = family == Family::kT5 ? 2 : 3;
  options.split_at_white_space = true;
  options.metaspace = Metaspace{};
  RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> add_prefix_space,
                           JsonBool(config, "add_prefix_space", config_origin));
  if (family != Family::kT5 && !add_prefix_space.value_or(true)) {
    options.metaspace->prepend = Metaspace::Prepend::kNever;
  }

  // A token that is no piece gets its id from "added_tokens_decoder". For one that has none,
  // transformers would invent an id that no model has an embedding for.
  std::unordered_map<std::string_view, int32_t> ids;
  for (const UnigramPiece& piece : options.pieces) {
    ids.emplace(piece.text, static_cast<int32_t>(ids.size()));
  }
  for (const AddedToken& token : options.added_tokens) {
    if (!ids.contains(token.content) && !token.stated_id.has_value()) {
      return Refused(files.model_origin, fmt::format("lacks the token \"{}\" that {} asks for",
                                                     token.content, config_origin));
    }
  }
  const int32_t eos = ids.at(named["eos_token"]);
  if (family == Family::kT5) {
    options.frame = {.separator = {eos}, .suffix = {eos}, .single_suffix = {eos}};
  } else {
    options.frame = RobertaFrame(ids.at(named["bos_token"]), eos);
  }
  return options;
}

absl::StatusOr<UnigramTokenizer::Options> ParseUnigramTokenizerJson(TokenizerJson file,
                                                                    std::string_view origin) {
  const json& root = file.root;
  RERANKD_RETURN_IF_ERROR(CheckTokenizerJson(root, origin));
  UnigramTokenizer::Options options;
  Steps steps;
  if (const auto section = root.find("normalizer"); section != root.end() && !section->is_null()) {
    RERANKD_RETURN_IF_ERROR(
        ParseNormalizer(*section, fmt::format("{}: normalizer", origin), steps));
  }
  options.normalizer = TextNormalizer(std::move(steps.steps));
  RERANKD_RETURN_IF_ERROR(ParsePreTokenizer(root, origin, options));
  RERANKD_ASSIGN_OR_RETURN(options.frame, ParsePostProcessor(root, origin));
  RERANKD_ASSIGN_OR_RETURN(options.added_tokens, ParseAddedTokens(root, origin));
  RERANKD_RETURN_IF_ERROR(CheckPrependFirst(options, steps.moves_beginning, origin));

  RERANKD_ASSIGN_OR_RETURN(const json* model, RequiredObject(root, "model", origin));
  const std::string model_origin = fmt::format("{}: model", origin);
  RERANKD_RETURN_IF_ERROR(
      OnlyKeys(*model, {"type", "unk_id", "vocab", "byte_fallback"}, model_origin));
  RERANKD_ASSIGN_OR_RETURN(const int64_t unknown_id, RequiredInt(*model, "unk_id", model_origin));
  if (unknown_id < 0 || unknown_id > std::numeric_limits<int32_t>::max()) {
    return Refused(model_origin,
                   fmt::format("\"unk_id\" is {}, but must be a piece's", unknown_id));
  }
  options.unknown_id = static_cast<int32_t>(unknown_id);
  RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> byte_fallback,
                           JsonBool(*model, "byte_fallback", model_origin));
  options.byte_fallback = byte_fallback.value_or(false);
  if (const auto vocab = model->find("vocab"); vocab == model->end() || !vocab->is_array()) {
    return Refused(model_origin, "\"vocab\" must be a list of pieces and their scores");
  }
  RERANKD_RETURN_IF_ERROR(file.pieces_status);
  options.pieces = std::move(file.pieces);
  return options;
}

}  // namespace rerankd
