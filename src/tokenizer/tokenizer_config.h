// tokenizer_config.json as transformers reads it where there is no tokenizer.json, as untrusted
// input.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tokenizer/added_tokens.h"

namespace rerankd {

// A token as the file writes it: its text, or an object with it. No content: null or missing.
absl::StatusOr<std::optional<AddedToken>> ConfigToken(const nlohmann::json& value,
                                                      std::string_view origin);

// The added tokens in the order in which transformers adds them: "added_tokens_decoder" by id, then
// the named ones, then the lists; of two with the same content the first counts.
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
  void Add(AddedToken token);

  std::vector<AddedToken> Take() { return std::move(tokens_); }

 private:
  const nlohmann::json& config_;
  std::string_view origin_;
  std::vector<AddedToken> tokens_;
  std::set<std::string> contents_;
};

}  // namespace rerankd
