#include "documents.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "util/utf8.h"

namespace rerankd::client {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

absl::StatusOr<std::string> ParseJsonLine(const std::string& line) {
  nlohmann::json value = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (value.is_object()) {
    const auto text = value.find("text");
    if (text == value.end()) return absl::InvalidArgumentError("the object has no \"text\"");
    value = nlohmann::json(std::move(*text));
  }
  if (!value.is_string()) {
    return absl::InvalidArgumentError(
        "not a JSON string, nor an object whose \"text\" is a string");
  }
  return value.get<std::string>();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ReadDocuments(std::istream& in, DocumentFormat format,
                                                       std::string_view origin) {
  std::vector<std::string> documents;
  size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    if (++number == 1 && line.starts_with(kByteOrderMark)) line.erase(0, kByteOrderMark.size());
    if (line.ends_with('\r')) line.pop_back();
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    if (const std::optional<size_t> at = FindInvalidUtf8(line)) {
      return absl::InvalidArgumentError(
          fmt::format("{}:{}: not valid UTF-8 (at byte {} of the line)", origin, number, *at));
    }
    if (format == DocumentFormat::kLines) {
      documents.push_back(std::move(line));
      continue;
    }
    absl::StatusOr<std::string> document = ParseJsonLine(line);
    if (!document.ok()) {
      return absl::InvalidArgumentError(
          fmt::format("{}:{}: {}", origin, number, std::string(document.status().message())));
    }
    documents.push_back(*std::move(document));
  }
  if (in.bad()) return absl::InvalidArgumentError(fmt::format("{}: cannot be read", origin));
  return documents;
}

}  // namespace rerankd::client
