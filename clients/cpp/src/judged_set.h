// A judged set: queries with candidate documents, and judgments of them.
#pragma once

#include <cstddef>
#include <istream>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "ranking_metrics.h"

namespace rerankd::client {

struct JudgedQuery {
  std::string id;
  std::string text;
  std::vector<std::string> document_ids;  // as the first stage found them, best first
  std::vector<std::string> documents;     // their texts
};

// Reads a query a line:
//   {"qid": ..., "query": ..., "docs": [[docid, text, ...] or {"id": ..., "text": ...}, ...]}
// An id is a text or a whole number. Other fields, and what follows the text in a list, are
// ignored; so are blank lines. Of each query the first `max_documents` documents are kept.
// INVALID_ARGUMENT names `origin`, the line and the field at fault.
absl::StatusOr<std::vector<JudgedQuery>> ReadJudgedQueries(std::istream& in, size_t max_documents,
                                                           std::string_view origin);

// Reads judgments as TREC writes them, "qid 0 docid grade" a line: query's id to its judgments.
// INVALID_ARGUMENT names `origin` and the line at fault.
absl::StatusOr<std::unordered_map<std::string, Grades>> ReadJudgments(std::istream& in,
                                                                      std::string_view origin);

}  // namespace rerankd::client
