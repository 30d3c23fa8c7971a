#include "output.h"

#include <fmt/format.h>
#include <wchar.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "util/utf8.h"

namespace rerankd::client {
namespace {

constexpr std::string_view kEllipsis = "…";
constexpr size_t kMinTextColumns = 20;

const char* Name(ScoreKind kind) {
  switch (kind) {
    case ScoreKind::kRaw:
      return "raw";
    case ScoreKind::kSigmoid:
      return "sigmoid";
    case ScoreKind::kProvider:
      return "provider";
    case ScoreKind::kModelDefault:
      break;
  }
  return "unknown";
}

const char* Name(Truncation truncation) {
  switch (truncation) {
    case Truncation::kOnlyDocument:
      return "only_document";
    case Truncation::kLongestFirst:
      return "longest_first";
    case Truncation::kRefuse:
      return "refuse";
    case Truncation::kModelDefault:
      break;
  }
  return "unknown";
}

const char* Name(ModelState state) {
  switch (state) {
    case ModelState::kNotLoaded:
      return "not_loaded";
    case ModelState::kLoading:
      return "loading";
    case ModelState::kReady:
      return "ready";
    case ModelState::kFailed:
      return "failed";
    case ModelState::kUnloading:
      return "unloading";
    case ModelState::kUnknown:
      break;
  }
  return "unknown";
}

struct Character {
  std::string_view bytes;
  char32_t code = 0;
};

// The first character of `text`, which is not empty; a byte that is no character stands alone.
Character FirstCharacter(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t size = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  const std::string_view bytes = text.substr(0, size);
  if (FindInvalidUtf8(bytes).has_value()) return {text.substr(0, 1), 0xFFFD};
  char32_t code = size == 1 ? lead : lead & (0x7F >> size);
  for (const char c : bytes.substr(1)) code = code << 6 | (static_cast<unsigned char>(c) & 0x3F);
  return {bytes, code};
}

bool IsControl(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 ||
         (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

size_t Columns(char32_t code) {
  // Needs a UTF-8 locale (main sets one); -1 is a character that this C library does not know.
  const int width = wcwidth(static_cast<wchar_t>(code));
  return width < 0 ? 1 : static_cast<size_t>(width);
}

}  // namespace

std::string FitColumns(std::string_view text, size_t columns) {
  std::string out;
  size_t used = 0;
  size_t fits_before_ellipsis = 0;  // bytes of `out` that leave a column free
  while (!text.empty()) {
    const Character character = FirstCharacter(text);
    const bool control = IsControl(character.code);
    const size_t width = control ? 1 : Columns(character.code);
    if (used + width > columns) {
      out.resize(fits_before_ellipsis);
      return columns == 0 ? "" : out.append(kEllipsis);
    }
    if (control) {
      out += ' ';
    } else if (character.code == 0xFFFD) {
      out += "\xEF\xBF\xBD";
    } else {
      out += character.bytes;
    }
    used += width;
    if (used < columns) fits_before_ellipsis = out.size();
    text.remove_prefix(character.bytes.size());
  }
  return out;
}

size_t TextColumns(std::string_view text) {
  size_t columns = 0;
  while (!text.empty()) {
    const Character character = FirstCharacter(text);
    columns += IsControl(character.code) ? 1 : Columns(character.code);
    text.remove_prefix(character.bytes.size());
  }
  return columns;
}

std::string RerankTable(const RerankAnswer& answer, const std::vector<std::string>& documents,
                        size_t columns) {
  std::string out = fmt::format("{:>5}  {:>10}  {:>6}  text\n", "rank", "score", "index");
  const size_t text_columns = columns > 27 + kMinTextColumns ? columns - 27 : kMinTextColumns;
  size_t rank = 0;
  for (const RankedDocument& result : answer.results) {
    out += fmt::format("{:>5}  {:>10.6f}  {:>6}  {}\n", ++rank, result.score, result.index,
                       FitColumns(documents.at(result.index), text_columns));
  }
  return out;
}

nlohmann::ordered_json RerankJson(const RerankAnswer& answer) {
  nlohmann::ordered_json results = nlohmann::ordered_json::array();
  for (const RankedDocument& result : answer.results) {
    nlohmann::ordered_json one = {
        {"index", result.index}, {"score", result.score}, {"truncated", result.truncated}};
    if (result.document.has_value()) one["document"] = *result.document;
    results.push_back(std::move(one));
  }
  const auto milliseconds = [](std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::milli>(time).count();
  };
  return {{"model", answer.model},
          {"score_kind", Name(answer.score_kind)},
          {"results", std::move(results)},
          {"usage",
           {{"query_tokens", answer.query_tokens},
            {"document_tokens", answer.document_tokens},
            {"total_tokens", answer.total_tokens},
            {"billed_units", answer.billed_units}}},
          {"timings_ms",
           {{"tokenize", milliseconds(answer.tokenize)},
            {"queue", milliseconds(answer.queue)},
            {"compute", milliseconds(answer.compute)}}},
          {"request_id", answer.request_id}};
}

std::string ModelTable(const std::vector<Model>& models) {
  std::vector<std::vector<std::string>> rows = {{"name", "state", "kind", "architecture",
                                                 "parameters", "max_tokens", "device", "precision",
                                                 "score", "truncation", "aliases"}};
  for (const Model& model : models) {
    // A model that was never loaded has none of what its files say.
    const bool known = model.max_tokens != 0;
    rows.push_back({model.name + (model.is_default ? " (default)" : ""), Name(model.state),
                    model.kind, known ? model.architecture : "-",
                    known ? fmt::format("{}", model.parameters) : "-",
                    known ? fmt::format("{}", model.max_tokens) : "-", model.device,
                    model.precision, Name(model.default_score_kind), Name(model.default_truncation),
                    fmt::format("{}", fmt::join(model.aliases, ","))});
  }
  std::vector<size_t> widths(rows[0].size());
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}  ", row[i], widths[i]);
    out += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  }
  for (const Model& model : models) {
    if (!model.error.empty()) {
      out += fmt::format("{} could not be loaded: {}\n", model.name, model.error);
    }
  }
  return out;
}

nlohmann::ordered_json ModelJson(const Model& model) {
  return {{"name", model.name},
          {"aliases", model.aliases},
          {"is_default", model.is_default},
          {"state", Name(model.state)},
          {"error", model.error},
          {"kind", model.kind},
          {"architecture", model.architecture},
          {"parameters", model.parameters},
          {"max_tokens", model.max_tokens},
          {"device", model.device},
          {"precision", model.precision},
          {"default_score_kind", Name(model.default_score_kind)},
          {"default_truncation", Name(model.default_truncation)}};
}

nlohmann::ordered_json ModelsJson(const std::vector<Model>& models) {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const Model& model : models) out.push_back(ModelJson(model));
  return {{"models", std::move(out)}};
}

std::string ErrorText(const absl::Status& status) {
  const ErrorDetails details = DetailsOf(status);
  std::string out = fmt::format("{}: {}\n", absl::StatusCodeToString(status.code()),
                                std::string(status.message()));
  for (const ErrorDetails::FieldViolation& violation : details.violations) {
    out += fmt::format("  field: {}\n", violation.field);
    if (violation.description != status.message()) {
      out += fmt::format("    {}\n", violation.description);
    }
  }
  if (!details.reason.empty()) out += fmt::format("  reason: {}\n", details.reason);
  if (details.retry_after.has_value()) {
    out += fmt::format("  retry after: {:.1f} s\n",
                       std::chrono::duration<double>(*details.retry_after).count());
  }
  return out;
}

}  // namespace rerankd::client
