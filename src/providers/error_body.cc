#include "providers/error_body.h"

#include <fmt/format.h>

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/match.h"
#include "util/json.h"

namespace rerankd {
namespace {

using Json = nlohmann::json;

// Where an answer is read at all, it is no deeper than this.
constexpr size_t kMaxDepth = 32;
constexpr size_t kMaxListed = 3;

// The first of `keys` that holds text, or what `object` is itself when it is text.
std::string TextAt(const Json& object, std::initializer_list<const char*> keys) {
  if (object.is_string()) return object.get<std::string>();
  if (!object.is_object()) return "";
  for (const char* key : keys) {
    const auto it = object.find(key);
    if (it == object.end()) continue;
    if (it->is_string() && !it->get_ref<const std::string&>().empty()) {
      return it->get<std::string>();
    }
  }
  return "";
}

const Json* Member(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

// "body.documents.0" of a list of keys and positions, or a field's name.
std::string Place(const Json& error) {
  const Json* const where = Member(error, "loc");
  if (where == nullptr || !where->is_array()) return TextAt(error, {"field"});
  std::string place;
  for (const Json& part : *where) {
    if (!place.empty()) place += '.';
    place += part.is_string() ? part.get<std::string>() : JsonExcerpt(part);
  }
  return place;
}

// "documents: field required; top_n: must be positive". What was given wrong ("input") is left out.
std::string Listed(const Json& errors) {
  std::string text;
  size_t listed = 0;
  for (const Json& error : errors) {
    const std::string what = TextAt(error, {"msg", "message"});
    if (what.empty() || listed++ == kMaxListed) continue;
    const std::string place = error.is_object() ? Place(error) : "";
    text +=
        fmt::format("{}{}{}{}", text.empty() ? "" : "; ", place, place.empty() ? "" : ": ", what);
  }
  return text;
}

// The objects in which providers put what they say: the body, and what it has at "error", "detail",
// "detail.error" and "output".
std::vector<const Json*> Layers(const Json& body) {
  std::vector<const Json*> layers = {&body};
  for (const char* key : {"error", "detail", "errors", "output"}) {
    if (const Json* const layer = Member(body, key); layer != nullptr) {
      layers.push_back(layer);
      if (const Json* const inner = Member(*layer, "error"); inner != nullptr) {
        layers.push_back(inner);
      }
    }
  }
  return layers;
}

std::string NumberAt(const Json& object, const char* key) {
  const Json* const value = Member(object, key);
  return value != nullptr && value->is_number_integer() ? JsonExcerpt(*value) : "";
}

ErrorBody ReadJson(const Json& body) {
  ErrorBody error;
  std::string list;
  std::string number;
  for (const Json* const layer : Layers(body)) {
    if (layer->is_array()) {
      if (list.empty()) list = Listed(*layer);
      continue;
    }
    if (error.message.empty()) {
      error.message = TextAt(*layer, {"message", "detail", "error", "msg", "title"});
    }
    if (!layer->is_object()) continue;
    if (error.code.empty()) error.code = TextAt(*layer, {"code", "error_code", "error_type"});
    if (number.empty()) number = NumberAt(*layer, "code");
    if (error.request_id.empty()) {
      error.request_id = TextAt(*layer, {"request_id", "requestId", "id"});
    }
  }
  // In OpenAI's manner the code is a number and the type a name; in Google's that is the status.
  for (const Json* const layer : Layers(body)) {
    if (layer == &body || !layer->is_object() || !error.code.empty()) continue;
    error.code = TextAt(*layer, {"type", "status"});
  }
  if (error.code.empty()) error.code = number;
  if (!list.empty()) {
    error.message += fmt::format("{}{}", error.message.empty() ? "" : " ", list);
  }
  return error;
}

std::string RequestIdHeader(const HttpResponse& response) {
  for (const char* name : {"x-request-id", "request-id", "x-amzn-requestid", "x-trace-id"}) {
    if (const auto value = response.Header(name); value.has_value() && !value->empty()) {
      return std::string(*value);
    }
  }
  return "";
}

}  // namespace

ErrorBody ReadErrorBody(const HttpResponse& response) {
  ErrorBody error;
  const std::string_view body = response.body;
  const Json json = IsNestedDeeper(body, kMaxDepth)
                        ? Json(Json::value_t::discarded)
                        : Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_discarded()) {
    error = ReadJson(json);
  } else if (const auto type = response.Header("Content-Type");
             body.find("<html") != std::string_view::npos ||
             (type.has_value() && absl::StrContains(std::string(*type), "html"))) {
    error.message = "(a web page)";
  } else {
    error.message = body.substr(0, body.find('\n'));
  }
  if (error.request_id.empty()) error.request_id = RequestIdHeader(response);
  return error;
}

}  // namespace rerankd
