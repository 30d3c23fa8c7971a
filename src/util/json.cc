#include "util/json.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "util/file.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

// The value at `key`, or nullptr when it is missing or null.
const nlohmann::json* Lookup(const nlohmann::json& object, const std::string& key) {
  auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

absl::Status WrongType(std::string_view origin, const std::string& key, const char* wanted,
                       const nlohmann::json& value) {
  return absl::FailedPreconditionError(
      fmt::format("{}: \"{}\" must be {}, but is {}", origin, key, wanted, value.type_name()));
}

// Deeper than any file that a person or a library writes; whoever walks through the value
// recursively (nlohmann's own dump() does) needs a stack that is bounded.
constexpr size_t kMaxDepth = 100;

// Of text that need not be JSON: what is not is refused by the parser.
bool IsNestedTooDeep(std::string_view text) {
  size_t depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) return true;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

}  // namespace

absl::StatusOr<nlohmann::json> ParseJson(std::string_view text, std::string_view origin) {
  if (IsNestedTooDeep(text)) {
    return absl::FailedPreconditionError(
        fmt::format("{}: lists and objects are nested more than {} deep", origin, kMaxDepth));
  }
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    return absl::FailedPreconditionError(
        fmt::format("{}: not valid JSON at byte {}", origin, error.byte));
  } catch (const nlohmann::json::exception& error) {
    return absl::FailedPreconditionError(fmt::format("{}: {}", origin, error.what()));
  }
}

absl::StatusOr<nlohmann::json> ReadJsonObject(const std::filesystem::path& path) {
  RERANKD_ASSIGN_OR_RETURN(std::string text, ReadFile(path));
  RERANKD_ASSIGN_OR_RETURN(nlohmann::json value, ParseJson(text, path.string()));
  if (!value.is_object()) {
    return absl::FailedPreconditionError(
        fmt::format("{}: the top level must be a JSON object", path.string()));
  }
  return value;
}

absl::StatusOr<std::optional<std::string>> JsonString(const nlohmann::json& object,
                                                      const std::string& key,
                                                      std::string_view origin) {
  const nlohmann::json* value = Lookup(object, key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return WrongType(origin, key, "a string", *value);
  return value->get<std::string>();
}

absl::StatusOr<std::optional<bool>> JsonBool(const nlohmann::json& object, const std::string& key,
                                             std::string_view origin) {
  const nlohmann::json* value = Lookup(object, key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) return WrongType(origin, key, "true or false", *value);
  return value->get<bool>();
}

absl::StatusOr<std::optional<int64_t>> JsonInt(const nlohmann::json& object, const std::string& key,
                                               std::string_view origin) {
  const nlohmann::json* value = Lookup(object, key);
  if (value == nullptr) return std::nullopt;
  if (value->is_number_unsigned() &&
      value->get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()}) {
    return absl::FailedPreconditionError(
        fmt::format("{}: \"{}\" is {}, too large", origin, key, value->get<uint64_t>()));
  }
  if (!value->is_number_integer()) return WrongType(origin, key, "a whole number", *value);
  return value->get<int64_t>();
}

absl::StatusOr<std::optional<double>> JsonDouble(const nlohmann::json& object,
                                                 const std::string& key, std::string_view origin) {
  const nlohmann::json* value = Lookup(object, key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) return WrongType(origin, key, "a number", *value);
  return value->get<double>();
}

std::string JsonExcerpt(const nlohmann::json& value) {
  constexpr size_t kMaxLength = 120;
  // Escaped and lenient: the value may come from a file that nobody has checked yet.
  std::string text =
      value.dump(-1, ' ', /*ensure_ascii=*/true, nlohmann::json::error_handler_t::replace);
  if (text.size() > kMaxLength) text = text.substr(0, kMaxLength) + "...";
  return text;
}

}  // namespace rerankd
