// Whether the files beside a tokenizer.json name the same tokens as it does.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "tokenizer/tokenizer_json_reader.h"

namespace rerankd {

// The files themselves, as untrusted input. REQUIRES: `config` is an object (empty when there is no
// tokenizer_config.json).
struct TokenizerJsonNeighbours {
  const nlohmann::json& config;
  const std::optional<std::string>& special_tokens_map;
  const std::optional<std::string>& added_tokens;
  std::string config_origin;
  std::string special_tokens_map_origin;
  std::string added_tokens_origin;
};

// `tokenizers` reads tokenizer.json alone. transformers frames sequences with the tokens that the
// files beside it name, and looks in every text for those that they add. Where that is not the
// same, nobody can be right for both, so FAILED_PRECONDITION names the file, the field, what each
// says and what would be right. What makes no difference to ids passes.
absl::Status CheckTokensAgree(const TokenizerJson& file, std::string_view origin,
                              const TokenizerJsonNeighbours& beside);

}  // namespace rerankd
