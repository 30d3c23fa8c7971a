#include "tokenizer/tokenizer_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <utility>

#include "tokenizer/json_fields.h"
#include "util/json.h"
#include "util/status_macros.h"

namespace rerankd {

using nlohmann::json;

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
  RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> lstrip, JsonBool(value, "lstrip", origin));
  RERANKD_ASSIGN_OR_RETURN(const std::optional<bool> rstrip, JsonBool(value, "rstrip", origin));
  token.lstrip = lstrip.value_or(false);
  token.rstrip = rstrip.value_or(false);
  token.single_word = single_word.value_or(false);
  token.normalized = normalized.value_or(false);
  return token;
}

absl::Status ConfigTokens::AddDecoder() {
  const auto decoder = config_.find("added_tokens_decoder");
  if (decoder == config_.end() || decoder->is_null()) return absl::OkStatus();
  if (!decoder->is_object()) {
    return Refused(origin_, "\"added_tokens_decoder\" must be an object");
  }
  std::map<int64_t, AddedToken> by_id;
  for (const auto& item : decoder->items()) {
    const std::string item_origin = fmt::format("{}: added_tokens_decoder.{}", origin_, item.key());
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
    closed_.insert(token.content);
    tokens_.push_back(std::move(token));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> ConfigTokens::AddNamed(const std::string& key,
                                                                  const std::string& by_default) {
  const auto found = config_.find(key);
  const json value = found == config_.end() ? json(by_default) : *found;
  RERANKD_ASSIGN_OR_RETURN(std::optional<AddedToken> token,
                           ConfigToken(value, fmt::format("{}: {}", origin_, key)));
  if (!token.has_value()) return std::nullopt;
  std::string content = token->content;
  AddOpen(*std::move(token), value);
  return content;
}

absl::Status ConfigTokens::AddList(const std::string& key) {
  const auto list = config_.find(key);
  if (list == config_.end() || list->is_null()) return absl::OkStatus();
  const std::string list_origin = fmt::format("{}: {}", origin_, key);
  // An object gives each token a name, which does not matter here.
  if (!list->is_array() && !list->is_object()) return Refused(list_origin, "must be a list");
  for (const json& value : *list) {
    RERANKD_ASSIGN_OR_RETURN(std::optional<AddedToken> token, ConfigToken(value, list_origin));
    if (!token.has_value()) return Refused(list_origin, "must be a list of tokens");
    AddOpen(*std::move(token), value);
  }
  return absl::OkStatus();
}

void ConfigTokens::Add(AddedToken token) {
  if (!closed_.insert(token.content).second) return;
  if (std::ranges::find(tokens_, token.content, &AddedToken::content) != tokens_.end()) return;
  tokens_.push_back(std::move(token));
}

void ConfigTokens::AddOpen(AddedToken token, const json& value) {
  if (closed_.contains(token.content)) return;
  const bool is_new = seen_
                          .emplace(token.content, value.is_string(), token.single_word,
                                   token.lstrip, token.rstrip, token.normalized)
                          .second;
  if (!is_new) return;
  const auto there = std::ranges::find(tokens_, token.content, &AddedToken::content);
  if (there == tokens_.end()) {
    tokens_.push_back(std::move(token));
  } else {
    *there = std::move(token);
  }
}

}  // namespace rerankd
