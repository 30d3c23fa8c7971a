// tokenizer_config.json as transformers reads it where there is no tokenizer.json, as untrusted
// input.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "tokenizer/added_tokens.h"

namespace rerankd {

// A token as the file writes it: its text, or an object with it. No content: null or missing.
absl::StatusOr<std::optional<AddedToken>> ConfigToken(const nlohmann::json& value,
                                                      std::string_view origin);

// The added tokens in the order in which transformers adds them: "added_tokens_decoder" by id, then
// the named ones, then the lists. Of several with the same content one of the decoder counts; where
// it has none, the last one that none before it was the same as.
class ConfigTokens {
 public:
  // REQUIRES: both outlive this; `config` is an object.
  ConfigTokens(const nlohmann::json& config, std::string_view origin)
      : config_(config), origin_(origin) {}

  absl::Status AddDecoder();
  // The content of the token that the config names at `key`, nullopt when it is null.
  absl::StatusOr<std::optional<std::string>> AddNamed(const std::string& key,
                                                      const std::string& by_default);
  absl::Status AddList(const std::string& key);
  // A token with the last word on its flags, unless it is there already.
  void Add(AddedToken token);

  std::vector<AddedToken> Take() { return std::move(tokens_); }

 private:
  // A token that a later one may give other flags. `value` is how the file has it: transformers
  // tells a text from an object that says the same.
  void AddOpen(AddedToken token, const nlohmann::json& value);

  const nlohmann::json& config_;
  std::string_view origin_;
  std::vector<AddedToken> tokens_;
  std::set<std::string> closed_;  // contents
  // What a content has been added with: whether as a text, and the flags.
  std::set<std::tuple<std::string, bool, bool, bool, bool, bool>> seen_;
};

}  // namespace rerankd
