#include "tokenizer/json_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "util/json.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

using nlohmann::json;

template <typename T>
absl::StatusOr<T> Required(absl::StatusOr<std::optional<T>> found, std::string_view key,
                           std::string_view origin) {
  RERANKD_ASSIGN_OR_RETURN(std::optional<T> value, std::move(found));
  if (!value.has_value()) return Refused(origin, fmt::format("\"{}\" is missing", key));
  return *std::move(value);
}

}  // namespace

absl::Status Refused(std::string_view origin, std::string_view problem) {
  return absl::FailedPreconditionError(fmt::format("{}: {}", origin, problem));
}

absl::Status Refused(std::string_view origin, const absl::Status& problem) {
  return Refused(origin, std::string(problem.message()));
}

absl::Status OnlyKeys(const json& object, std::initializer_list<std::string_view> known,
                      std::string_view origin) {
  for (const auto& item : object.items()) {
    if (std::find(known.begin(), known.end(), item.key()) == known.end()) {
      return Refused(origin, fmt::format("\"{}\" is not supported", item.key()));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> RequiredString(const json& object, const std::string& key,
                                           std::string_view origin) {
  return Required(JsonString(object, key, origin), key, origin);
}

absl::StatusOr<bool> RequiredBool(const json& object, const std::string& key,
                                  std::string_view origin) {
  return Required(JsonBool(object, key, origin), key, origin);
}

absl::StatusOr<int64_t> RequiredInt(const json& object, const std::string& key,
                                    std::string_view origin) {
  return Required(JsonInt(object, key, origin), key, origin);
}

absl::StatusOr<const json*> RequiredObject(const json& parent, const std::string& key,
                                           std::string_view origin) {
  const auto found = parent.find(key);
  if (found == parent.end() || !found->is_object()) {
    return Refused(origin, fmt::format("\"{}\" must be an object", key));
  }
  return &*found;
}

}  // namespace rerankd
