// JSON files as untrusted input (nlohmann::json; its exceptions stop here).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace rerankd {

// Whether `text`, which need not be JSON, opens more lists and objects within one another than
// that. Whoever walks through a value recursively (nlohmann's own dump() and copies do) needs a
// stack that is bounded, so every parser of untrusted JSON asks first.
inline constexpr size_t kMaxJsonDepth = 100;
bool IsNestedDeeper(std::string_view text, size_t max_depth);

// Parses `text`. FAILED_PRECONDITION names `origin` and the byte where the text stops being JSON,
// or says that it nests so deep that whoever walks through it could run out of stack.
absl::StatusOr<nlohmann::json> ParseJson(std::string_view text, std::string_view origin);

// The same for text whose top level must be an object.
absl::StatusOr<nlohmann::json> ParseJsonObject(std::string_view text, std::string_view origin);

// Of several equal keys ParseJson() keeps the last one. This one, for files in which two readers
// must not see two things, refuses them, and what nests deeper than `max_depth` (at most 8).
absl::StatusOr<nlohmann::json> ParseStrictJson(std::string_view text, std::string_view origin,
                                               size_t max_depth);

// Reads and parses a file whose top level must be an object.
absl::StatusOr<nlohmann::json> ReadJsonObject(const std::filesystem::path& path);

// The value at `key` of an object, or nullptr when it is missing or null.
const nlohmann::json* FindJson(const nlohmann::json& object, const std::string& key);

// Typed look-ups in an object. A key that is missing or null is nullopt; a value of another type,
// or a number outside the type's range, is FAILED_PRECONDITION naming `origin` and the key.
absl::StatusOr<std::optional<std::string>> JsonString(const nlohmann::json& object,
                                                      const std::string& key,
                                                      std::string_view origin);
absl::StatusOr<std::optional<bool>> JsonBool(const nlohmann::json& object, const std::string& key,
                                             std::string_view origin);
absl::StatusOr<std::optional<int64_t>> JsonInt(const nlohmann::json& object, const std::string& key,
                                               std::string_view origin);
absl::StatusOr<std::optional<double>> JsonDouble(const nlohmann::json& object,
                                                 const std::string& key, std::string_view origin);

// `value` for a message: quoted and escaped where it is text, cut to about 120 characters.
std::string JsonExcerpt(const nlohmann::json& value);

}  // namespace rerankd
