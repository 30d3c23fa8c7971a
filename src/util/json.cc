#include "util/json.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <set>
#include <utility>

#include "util/file.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

absl::Status WrongType(std::string_view origin, const std::string& key, const char* wanted,
                       const nlohmann::json& value) {
  return absl::FailedPreconditionError(
      fmt::format("{}: \"{}\" must be {}, but is {}", origin, key, wanted, value.type_name()));
}

absl::StatusOr<nlohmann::json> Parse(std::string_view text, std::string_view origin,
                                     size_t max_depth,
                                     const nlohmann::json::parser_callback_t& callback) {
  if (IsNestedDeeper(text, max_depth)) {
    return absl::FailedPreconditionError(
        fmt::format("{}: lists and objects are nested more than {} deep", origin, max_depth));
  }
  try {
    return nlohmann::json::parse(text, callback);
  } catch (const nlohmann::json::parse_error& error) {
    return absl::FailedPreconditionError(
        fmt::format("{}: not valid JSON at byte {}", origin, error.byte));
  } catch (const nlohmann::json::exception& error) {
    return absl::FailedPreconditionError(
        fmt::format("{}: not usable JSON: {}", origin, error.what()));
  }
}

}  // namespace

bool IsNestedDeeper(std::string_view text, size_t max_depth) {
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
      if (++depth > max_depth) return true;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

absl::StatusOr<nlohmann::json> ParseJson(std::string_view text, std::string_view origin) {
  return Parse(text, origin, kMaxJsonDepth, nullptr);
}

absl::StatusOr<nlohmann::json> ParseStrictJson(std::string_view text, std::string_view origin,
                                               size_t max_depth) {
  using Json = nlohmann::json;
  std::array<std::set<std::string>, 8> keys;  // of the objects that are open, by depth
  std::optional<std::string> repeated;
  const auto keep = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) keys.at(static_cast<size_t>(depth)).clear();
    if (event == Json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys.at(static_cast<size_t>(depth - 1)).insert(key).second && !repeated) repeated = key;
    }
    return true;
  };
  RERANKD_ASSIGN_OR_RETURN(Json value, Parse(text, origin, max_depth, keep));
  if (repeated) {
    return absl::FailedPreconditionError(
        fmt::format("{}: has the key {} twice", origin, JsonExcerpt(*repeated)));
  }
  return value;
}

absl::StatusOr<nlohmann::json> ParseJsonObject(std::string_view text, std::string_view origin) {
  RERANKD_ASSIGN_OR_RETURN(nlohmann::json value, ParseJson(text, origin));
  if (!value.is_object()) {
    return absl::FailedPreconditionError(
        fmt::format("{}: the top level must be a JSON object", origin));
  }
  return value;
}

absl::StatusOr<nlohmann::json> ReadJsonObject(const std::filesystem::path& path) {
  RERANKD_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return ParseJsonObject(text, path.string());
}

const nlohmann::json* FindJson(const nlohmann::json& object, const std::string& key) {
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

absl::StatusOr<std::optional<std::string>> JsonString(const nlohmann::json& object,
                                                      const std::string& key,
                                                      std::string_view origin) {
  const nlohmann::json* value = FindJson(object, key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return WrongType(origin, key, "a string", *value);
  return value->get<std::string>();
}

absl::StatusOr<std::optional<bool>> JsonBool(const nlohmann::json& object, const std::string& key,
                                             std::string_view origin) {
  const nlohmann::json* value = FindJson(object, key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) return WrongType(origin, key, "true or false", *value);
  return value->get<bool>();
}

absl::StatusOr<std::optional<int64_t>> JsonInt(const nlohmann::json& object, const std::string& key,
                                               std::string_view origin) {
  const nlohmann::json* value = FindJson(object, key);
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
  const nlohmann::json* value = FindJson(object, key);
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
