#include "judged_set.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_set>
#include <utility>

#include "util/status_macros.h"

namespace rerankd::client {
namespace {

using nlohmann::json;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kSpace = " \t\r\f\v";

absl::Status Wrong(std::string_view problem) {
  return absl::InvalidArgumentError(fmt::format("{}", problem));
}

// The next line without its end; false after the last one.
bool NextLine(std::istream& in, size_t& number, std::string& line) {
  if (!std::getline(in, line)) return false;
  if (++number == 1 && line.starts_with(kByteOrderMark)) line.erase(0, kByteOrderMark.size());
  return true;
}

bool IsBlank(const std::string& line) {
  return line.find_first_not_of(kSpace) == std::string::npos;
}

absl::Status AtLine(const absl::Status& status, std::string_view origin, size_t number) {
  return absl::InvalidArgumentError(
      fmt::format("{}:{}: {}", origin, number, std::string(status.message())));
}

absl::StatusOr<std::string> ParseId(const json* value, std::string_view name) {
  std::string id;
  if (value != nullptr && value->is_string()) {
    id = value->get<std::string>();
  } else if (value != nullptr && value->is_number_integer()) {
    id = value->dump();
  } else {
    return Wrong(fmt::format("{} must be a string or a whole number", name));
  }
  // Judgments and run files put white space between their columns.
  if (id.empty() || id.find_first_of(" \t\r\n\f\v") != std::string::npos) {
    return Wrong(fmt::format("{} must not be empty or have white space in it", name));
  }
  return id;
}

absl::StatusOr<std::string> ParseText(const json* value, std::string_view name) {
  if (value == nullptr || !value->is_string() || value->get_ref<const std::string&>().empty()) {
    return Wrong(fmt::format("{} must be a string that is not empty", name));
  }
  return value->get<std::string>();
}

const json* Member(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

absl::StatusOr<JudgedQuery> ParseQuery(const std::string& line, size_t max_documents) {
  const json root = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) return Wrong("not a JSON object");
  JudgedQuery query;
  RERANKD_ASSIGN_OR_RETURN(query.id, ParseId(Member(root, "qid"), "\"qid\""));
  RERANKD_ASSIGN_OR_RETURN(query.text, ParseText(Member(root, "query"), "\"query\""));
  const json* const documents = Member(root, "docs");
  if (documents == nullptr || !documents->is_array()) return Wrong("\"docs\" must be a list");
  std::unordered_set<std::string> ids;
  for (const json& document : *documents) {
    const size_t index = query.documents.size();
    if (index == max_documents) break;
    const std::string name = fmt::format("docs[{}]", index);
    const bool is_list = document.is_array() && document.size() >= 2;
    if (!is_list && !document.is_object()) {
      return Wrong(
          fmt::format("{} must be a list of an id and a text, or an object with \"id\" "
                      "and \"text\"",
                      name));
    }
    RERANKD_ASSIGN_OR_RETURN(std::string id,
                             ParseId(is_list ? &document[0] : Member(document, "id"),
                                     fmt::format("the id of {}", name)));
    RERANKD_ASSIGN_OR_RETURN(std::string text,
                             ParseText(is_list ? &document[1] : Member(document, "text"),
                                       fmt::format("the text of {}", name)));
    if (!ids.insert(id).second) {
      return Wrong(fmt::format("{} has the id \"{}\", as one before it", name, id));
    }
    query.document_ids.push_back(std::move(id));
    query.documents.push_back(std::move(text));
  }
  if (query.documents.empty()) return Wrong("\"docs\" is empty");
  return query;
}

// The words of a line; nullopt when there are not as many as wanted.
template <size_t count>
std::optional<std::array<std::string_view, count>> Columns(std::string_view line) {
  std::array<std::string_view, count> columns;
  for (std::string_view& column : columns) {
    line.remove_prefix(std::min(line.find_first_not_of(kSpace), line.size()));
    column = line.substr(0, line.find_first_of(kSpace));
    if (column.empty()) return std::nullopt;
    line.remove_prefix(column.size());
  }
  if (line.find_first_not_of(kSpace) != std::string_view::npos) return std::nullopt;
  return columns;
}

}  // namespace

absl::StatusOr<std::vector<JudgedQuery>> ReadJudgedQueries(std::istream& in, size_t max_documents,
                                                           std::string_view origin) {
  std::vector<JudgedQuery> queries;
  std::unordered_set<std::string> ids;
  size_t number = 0;
  for (std::string line; NextLine(in, number, line);) {
    if (IsBlank(line)) continue;
    absl::StatusOr<JudgedQuery> query = ParseQuery(line, max_documents);
    if (!query.ok()) return AtLine(query.status(), origin, number);
    if (!ids.insert(query->id).second) {
      return AtLine(Wrong(fmt::format("the qid \"{}\" was there before", query->id)), origin,
                    number);
    }
    queries.push_back(*std::move(query));
  }
  if (in.bad()) return Wrong(fmt::format("{}: cannot be read", origin));
  if (queries.empty()) return Wrong(fmt::format("{}: has no queries", origin));
  return queries;
}

absl::StatusOr<std::unordered_map<std::string, Grades>> ReadJudgments(std::istream& in,
                                                                      std::string_view origin) {
  std::unordered_map<std::string, Grades> judgments;
  size_t number = 0;
  for (std::string line; NextLine(in, number, line);) {
    if (IsBlank(line)) continue;
    const auto columns = Columns<4>(line);
    int grade = 0;
    const std::string_view last = columns.has_value() ? (*columns)[3] : std::string_view();
    const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), grade);
    if (!columns.has_value() || error != std::errc{} || end != last.data() + last.size()) {
      return AtLine(Wrong("must be \"qid 0 docid grade\", the grade a whole number"), origin,
                    number);
    }
    Grades& grades = judgments[std::string((*columns)[0])];
    if (!grades.emplace((*columns)[2], grade).second) {
      return AtLine(
          Wrong(fmt::format("\"{}\" was judged before for \"{}\"", (*columns)[2], (*columns)[0])),
          origin, number);
    }
  }
  if (in.bad()) return Wrong(fmt::format("{}: cannot be read", origin));
  if (judgments.empty()) return Wrong(fmt::format("{}: has no judgments", origin));
  return judgments;
}

}  // namespace rerankd::client
