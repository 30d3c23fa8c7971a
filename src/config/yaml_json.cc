#include "config/yaml_json.h"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "util/status_macros.h"

namespace rerankd {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMaxDepth = 32;

template <typename Number>
std::optional<Number> Read(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

absl::StatusOr<Json> Scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return Json(text);  // quoted
  if (text == "null" || text == "~" || text.empty()) return Json(nullptr);
  if (text == "true" || text == "false") return Json(text == "true");
  if (const auto whole = Read<int64_t>(text)) return Json(*whole);
  if (const auto number = Read<double>(text)) {
    if (!std::isfinite(*number)) return absl::InvalidArgumentError("must hold finite numbers only");
    return Json(*number);
  }
  return Json(text);
}

absl::StatusOr<Json> Convert(const YAML::Node& node, int depth) {
  if (depth > kMaxDepth) return absl::InvalidArgumentError("must not nest that deep");
  if (node.IsNull()) return Json(nullptr);
  if (node.IsScalar()) return Scalar(node);
  Json json = node.IsMap() ? Json::object() : Json::array();
  for (const auto& child : node) {
    if (!node.IsMap()) {
      RERANKD_ASSIGN_OR_RETURN(Json value, Convert(child, depth + 1));
      json.push_back(std::move(value));
      continue;
    }
    if (!child.first.IsScalar()) return absl::InvalidArgumentError("must have plain words as keys");
    RERANKD_ASSIGN_OR_RETURN(json[child.first.Scalar()], Convert(child.second, depth + 1));
  }
  return json;
}

}  // namespace

absl::StatusOr<std::string> JsonOf(const YAML::Node& node) {
  RERANKD_ASSIGN_OR_RETURN(const Json json, Convert(node, 0));
  return json.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace rerankd
