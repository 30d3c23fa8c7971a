// Fields of a tokenizer's JSON files, as untrusted input. Errors are FAILED_PRECONDITION and name
// the field's `origin`: its file and section.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace rerankd {

absl::Status Refused(std::string_view origin, std::string_view problem);
// The same for a problem that did not know where it is.
absl::Status Refused(std::string_view origin, const absl::Status& problem);

// An option that is not known may change ids, so its section is not used without it.
absl::Status OnlyKeys(const nlohmann::json& object, std::initializer_list<std::string_view> known,
                      std::string_view origin);

// Typed look-ups of a key that must be there and not be null.
absl::StatusOr<std::string> RequiredString(const nlohmann::json& object, const std::string& key,
                                           std::string_view origin);
absl::StatusOr<bool> RequiredBool(const nlohmann::json& object, const std::string& key,
                                  std::string_view origin);
absl::StatusOr<int64_t> RequiredInt(const nlohmann::json& object, const std::string& key,
                                    std::string_view origin);
absl::StatusOr<const nlohmann::json*> RequiredObject(const nlohmann::json& parent,
                                                     const std::string& key,
                                                     std::string_view origin);

}  // namespace rerankd
