#include "tokenizer/token_agreement.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <set>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/tokenizer_config.h"
#include "tokenizer/tokenizer_json.h"
#include "util/json.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

using nlohmann::json;

// What a class of transformers makes anew from tokenizer_config.json, whatever tokenizer.json has.
struct TokenizerClass {
  std::string_view name;
  const char* begin_key;  // names the token that begins a sequence
  std::string_view begin;
  const char* end_key;  // and the one that ends it
  std::string_view end;
  std::string_view unknown;                  // where the model of tokenizer.json names it too
  std::span<const std::string_view> tokens;  // that it adds without being told
};

constexpr auto kBertTokens =
    std::to_array<std::string_view>({"[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"});
constexpr auto kRobertaTokens =
    std::to_array<std::string_view>({"<s>", "</s>", "<unk>", "<pad>", "<mask>"});
constexpr auto kCamembertTokens = std::to_array<std::string_view>(
    {"<s>", "</s>", "<unk>", "<pad>", "<mask>", "<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"});

constexpr auto kClasses = std::to_array<TokenizerClass>({
    {"BertTokenizer", "cls_token", "[CLS]", "sep_token", "[SEP]", "[UNK]", kBertTokens},
    {"DistilBertTokenizer", "cls_token", "[CLS]", "sep_token", "[SEP]", "[UNK]", kBertTokens},
    {"ElectraTokenizer", "cls_token", "[CLS]", "sep_token", "[SEP]", "[UNK]", kBertTokens},
    {"RobertaTokenizer", "cls_token", "<s>", "sep_token", "</s>", "", kRobertaTokens},
    {"XLMRobertaTokenizer", "bos_token", "<s>", "eos_token", "</s>", "", kRobertaTokens},
    {"CamembertTokenizer", "bos_token", "<s>", "eos_token", "</s>", "", kCamembertTokens},
});

const TokenizerClass* FindClass(std::string_view name) {
  if (name.ends_with("Fast")) name.remove_suffix(4);
  const auto* const found = std::ranges::find(kClasses, name, &TokenizerClass::name);
  return found == kClasses.end() ? nullptr : found;
}

// Without a name the class follows from config.json, and so nearly always as the model does.
const TokenizerClass* FindClassOfModel(std::string_view model_type) {
  if (model_type == "WordPiece") return FindClass("BertTokenizer");
  return FindClass(model_type == "BPE" ? "RobertaTokenizer" : "XLMRobertaTokenizer");
}

// A token as a file beside tokenizer.json has it.
struct StatedToken {
  std::string origin;  // the file
  std::string field;
  AddedToken token;
  bool states_normalized = true;
};

// What the files beside tokenizer.json say, as transformers brings them together.
class Neighbours {
 public:
  explicit Neighbours(const TokenizerJsonNeighbours& files) : files_(files) {}

  absl::Status Read() {
    if (const auto decoder = files_.config.find("added_tokens_decoder");
        decoder != files_.config.end() && !decoder->is_null()) {
      has_decoder_ = true;
      RERANKD_RETURN_IF_ERROR(ReadDecoder(*decoder));
    }
    // With "added_tokens_decoder" the two older files are not read.
    json map = json::object();
    if (!has_decoder_ && files_.special_tokens_map.has_value()) {
      RERANKD_ASSIGN_OR_RETURN(
          map, ParseJsonObject(*files_.special_tokens_map, files_.special_tokens_map_origin));
    }
    for (const auto& item : files_.config.items()) {
      if (map.contains(item.key())) continue;
      RERANKD_RETURN_IF_ERROR(ReadField(item.key(), item.value(), files_.config_origin));
    }
    for (const auto& item : map.items()) {
      RERANKD_RETURN_IF_ERROR(
          ReadField(item.key(), item.value(), files_.special_tokens_map_origin));
    }
    if (!has_decoder_ && files_.added_tokens.has_value()) RERANKD_RETURN_IF_ERROR(ReadAdded());
    return absl::OkStatus();
  }

  bool has_decoder() const { return has_decoder_; }
  const std::vector<StatedToken>& tokens() const { return tokens_; }

  // The token that `key` names, or else `by_default`.
  std::optional<StatedToken> Named(const std::string& key,
                                   std::optional<std::string_view> by_default) const {
    const auto named = named_.find(key);
    if (named != named_.end()) return tokens_[named->second];
    if (!by_default.has_value()) return std::nullopt;
    return StatedToken{files_.config_origin, key, {.content = std::string(*by_default)}};
  }

 private:
  absl::Status ReadDecoder(const json& decoder) {
    const std::string field = "added_tokens_decoder";
    if (!decoder.is_object()) {
      return Refused(files_.config_origin, fmt::format("\"{}\" must be an object", field));
    }
    ConfigTokens tokens(files_.config, files_.config_origin);
    RERANKD_RETURN_IF_ERROR(tokens.AddDecoder());
    for (AddedToken& token : tokens.Take()) {
      const std::string key = fmt::format("{}", *token.stated_id);
      const auto stated = decoder.find(key);
      const bool normalized = stated != decoder.end() && stated->is_object() &&
                              stated->value("normalized", json()).is_boolean();
      tokens_.push_back(
          {files_.config_origin, fmt::format("{}.{}", field, key), std::move(token), normalized});
    }
    return absl::OkStatus();
  }

  absl::Status ReadAdded() {
    const std::string& origin = files_.added_tokens_origin;
    RERANKD_ASSIGN_OR_RETURN(const json added, ParseJsonObject(*files_.added_tokens, origin));
    for (const auto& item : added.items()) {
      RERANKD_ASSIGN_OR_RETURN(const int64_t id, RequiredInt(added, item.key(), origin));
      tokens_.push_back({origin, item.key(), {.content = item.key(), .stated_id = id}});
    }
    return absl::OkStatus();
  }

  absl::Status ReadField(const std::string& key, const json& value, const std::string& origin) {
    // Of the further fields with such a name some are flags, for example "add_bos_token".
    const bool token = value.is_string() || (value.is_object() && value.contains("content"));
    if (key.ends_with("_token") && token) {
      RERANKD_RETURN_IF_ERROR(AddToken(key, value, origin));
      named_[key] = tokens_.size() - 1;
    }
    const bool list = key == "extra_special_tokens" || key == "additional_special_tokens";
    if (!list || !(value.is_array() || value.is_object())) return absl::OkStatus();
    for (const json& item : value) RERANKD_RETURN_IF_ERROR(AddToken(key, item, origin));
    return absl::OkStatus();
  }

  absl::Status AddToken(const std::string& field, const json& value, const std::string& origin) {
    RERANKD_ASSIGN_OR_RETURN(std::optional<AddedToken> token,
                             ConfigToken(value, fmt::format("{}: {}", origin, field)));
    if (!token.has_value()) return Refused(origin, fmt::format("\"{}\" must have tokens", field));
    const bool normalized = value.is_string() || value.value("normalized", json()).is_boolean();
    tokens_.push_back({origin, field, *std::move(token), normalized});
    return absl::OkStatus();
  }

  const TokenizerJsonNeighbours& files_;
  bool has_decoder_ = false;
  std::vector<StatedToken> tokens_;
  std::map<std::string, size_t> named_;  // by key, the index in tokens_
};

// tokenizer.json's side.
class Own {
 public:
  Own(const TokenizerJson& file, std::vector<AddedToken> added)
      : file_(file), added_(std::move(added)) {}

  const std::vector<AddedToken>& added() const { return added_; }

  const AddedToken* Find(std::string_view content) const {
    const auto found = std::ranges::find(added_, content, &AddedToken::content);
    return found == added_.end() ? nullptr : &*found;
  }

  std::optional<int64_t> IdOf(const std::string& content) const {
    if (const AddedToken* token = Find(content); token != nullptr) return token->stated_id;
    if (!file_.pieces.empty()) {
      const auto piece = std::ranges::find(file_.pieces, content, &UnigramPiece::text);
      if (piece == file_.pieces.end()) return std::nullopt;
      return piece - file_.pieces.begin();
    }
    const json& vocab = Vocab();
    const auto entry = vocab.find(content);
    if (entry == vocab.end() || !entry->is_number_integer()) return std::nullopt;
    return entry->get<int64_t>();
  }

  // "[CLS]" (id 101)
  std::string Describe(int64_t id) const {
    const auto found =
        std::ranges::find(added_, std::optional<int64_t>(id), &AddedToken::stated_id);
    if (found == added_.end()) return fmt::format("the token of id {}", id);
    return fmt::format("{} (id {})", JsonExcerpt(found->content), id);
  }

 private:
  const json& Vocab() const {
    static const json kNone = json::object();
    const auto model = file_.root.find("model");
    if (model == file_.root.end() || !model->is_object()) return kNone;
    const auto vocab = model->find("vocab");
    return vocab != model->end() && vocab->is_object() ? *vocab : kNone;
  }

  const TokenizerJson& file_;
  std::vector<AddedToken> added_;
};

// A token that tokenizer.json does not add, or under another id.
absl::Status CheckIsAdded(const StatedToken& stated, const Own& own) {
  const AddedToken* const token = own.Find(stated.token.content);
  const std::string content = JsonExcerpt(stated.token.content);
  if (token == nullptr) {
    return Refused(stated.origin,
                   fmt::format("\"{}\" has the token {}, but \"added_tokens\" of tokenizer.json "
                               "does not; add it there, or take it out here",
                               stated.field, content));
  }
  if (stated.token.stated_id.value_or(*token->stated_id) == *token->stated_id) {
    return absl::OkStatus();
  }
  return Refused(stated.origin,
                 fmt::format("\"{}\" gives the token {} the id {}, but tokenizer.json the id {}; "
                             "make them agree",
                             stated.field, content, *stated.token.stated_id, *token->stated_id));
}

// How a token is looked for, where that can change ids.
absl::Status CheckFlags(const StatedToken& stated, const Own& own, bool white_space_counts,
                        bool normalizes) {
  const AddedToken& theirs = stated.token;
  const AddedToken& ours = *own.Find(theirs.content);
  for (const auto& [flag, compared, their, our] :
       {std::tuple("single_word", true, theirs.single_word, ours.single_word),
        std::tuple("lstrip", white_space_counts, theirs.lstrip, ours.lstrip),
        std::tuple("rstrip", white_space_counts, theirs.rstrip, ours.rstrip),
        std::tuple("normalized", normalizes && stated.states_normalized, theirs.normalized,
                   ours.normalized)}) {
    if (!compared || their == our) continue;
    return Refused(stated.origin,
                   fmt::format("\"{}\": \"{}\" of {} is {}, but {} in \"added_tokens\" of "
                               "tokenizer.json; make them agree",
                               stated.field, flag, JsonExcerpt(theirs.content), their, our));
  }
  return absl::OkStatus();
}

// The token with which each of `ids`, a part of the template, should be the same.
absl::Status CheckTemplate(const StatedToken& stated, const Own& own, std::string_view what,
                           std::initializer_list<std::span<const int32_t>> parts) {
  const std::optional<int64_t> id = own.IdOf(stated.token.content);
  for (const std::span<const int32_t> ids : parts) {
    for (const int32_t used : ids) {
      if (id == used) continue;
      const std::string theirs = id.has_value() ? fmt::format(" (id {})", *id) : "";
      return Refused(stated.origin,
                     fmt::format("\"{}\" is {}{}, but the post_processor of tokenizer.json {} {}; "
                                 "make them agree",
                                 stated.field, JsonExcerpt(stated.token.content), theirs, what,
                                 own.Describe(used)));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckUnknown(const StatedToken& stated, const json& root, std::string_view origin) {
  RERANKD_ASSIGN_OR_RETURN(const json* model, RequiredObject(root, "model", origin));
  RERANKD_ASSIGN_OR_RETURN(const std::optional<std::string> unknown,
                           JsonString(*model, "unk_token", fmt::format("{}: model", origin)));
  if (unknown.value_or(stated.token.content) == stated.token.content) return absl::OkStatus();
  return Refused(stated.origin, fmt::format("\"{}\" is {}, but the model of tokenizer.json has {}; "
                                            "make them agree",
                                            stated.field, JsonExcerpt(stated.token.content),
                                            JsonExcerpt(*unknown)));
}

// With "added_tokens_decoder" a class that makes its tokenizer anew does not read "added_tokens".
absl::Status CheckNoneIsLost(const TokenizerClass& known, const Neighbours& neighbours,
                             const Own& own, std::string_view config_origin) {
  std::set<std::string_view> theirs(known.tokens.begin(), known.tokens.end());
  for (const StatedToken& stated : neighbours.tokens()) theirs.insert(stated.token.content);
  for (const AddedToken& token : own.added()) {
    if (theirs.contains(token.content)) continue;
    return Refused(config_origin,
                   fmt::format("\"added_tokens_decoder\" lacks {}, which \"added_tokens\" of "
                               "tokenizer.json has with the id {}; make them agree",
                               JsonExcerpt(token.content), *token.stated_id));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckTokensAgree(const TokenizerJson& file, std::string_view origin,
                              const TokenizerJsonNeighbours& beside) {
  Neighbours neighbours(beside);
  RERANKD_RETURN_IF_ERROR(neighbours.Read());
  RERANKD_ASSIGN_OR_RETURN(std::vector<AddedToken> added, ParseAddedTokens(file.root, origin));
  const Own own(file, std::move(added));
  // Every class adds the tokens that tokenizer.json does not have.
  for (const StatedToken& stated : neighbours.tokens()) {
    RERANKD_RETURN_IF_ERROR(CheckIsAdded(stated, own));
  }

  RERANKD_ASSIGN_OR_RETURN(const std::optional<std::string> name,
                           JsonString(beside.config, "tokenizer_class", beside.config_origin));
  const std::string model_type = TokenizerModelType(file.root);
  const TokenizerClass* const known =
      name.has_value() ? FindClass(*name) : FindClassOfModel(model_type);
  if (known == nullptr) return absl::OkStatus();  // takes the rest of tokenizer.json as it is
  if (neighbours.has_decoder()) {
    const bool white_space_counts = model_type != "WordPiece";
    const bool normalizes = !file.root.value("normalizer", json()).is_null();
    std::set<std::string_view> seen;
    for (const StatedToken& stated : neighbours.tokens()) {
      // What the decoder has comes first and counts.
      if (!seen.insert(stated.token.content).second) continue;
      RERANKD_RETURN_IF_ERROR(CheckFlags(stated, own, white_space_counts, normalizes));
    }
    if (name.has_value()) {
      RERANKD_RETURN_IF_ERROR(CheckNoneIsLost(*known, neighbours, own, beside.config_origin));
    }
  }
  RERANKD_ASSIGN_OR_RETURN(const Tokenizer::Frame frame, ParsePostProcessor(file.root, origin));
  // The class's own tokens count only where it is certain which one it is.
  const auto named = [&](const char* key, std::string_view by_default) {
    return neighbours.Named(key, name.has_value() ? std::optional(by_default) : std::nullopt);
  };
  if (const auto begin = named(known->begin_key, known->begin); begin.has_value()) {
    RERANKD_RETURN_IF_ERROR(CheckTemplate(*begin, own, "begins a sequence with", {frame.prefix}));
  }
  if (const auto end = named(known->end_key, known->end); end.has_value()) {
    RERANKD_RETURN_IF_ERROR(CheckTemplate(*end, own, "ends a sequence with",
                                          {frame.separator, frame.suffix, frame.single_suffix}));
  }
  if (model_type != "WordPiece" || known->unknown.empty()) return absl::OkStatus();
  const auto unknown = named("unk_token", known->unknown);
  return unknown.has_value() ? CheckUnknown(*unknown, file.root, origin) : absl::OkStatus();
}

}  // namespace rerankd
