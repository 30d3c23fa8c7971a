// Any bytes as the files of a judged set: an error that says something, or a set whose metrics are
// between 0 and 1.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <string>

#include "judged_set.h"
#include "ranking_metrics.h"

namespace {

void Check(bool condition) {
  if (!condition) std::abort();
}

void CheckValue(const std::optional<double>& value) {
  if (value.has_value()) Check(*value >= 0 && *value <= 1 + 1e-9);
}

}  // namespace

// A zero byte is between the queries and the judgments.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rerankd::client;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const size_t zero = std::min(text.find('\0'), text.size());
  std::istringstream queries_in(text.substr(0, zero));
  std::istringstream judgments_in(text.substr(std::min(zero + 1, text.size())));
  const auto queries = ReadJudgedQueries(queries_in, 5, "d");
  const auto judgments = ReadJudgments(judgments_in, "q");
  Check(queries.ok() || !queries.status().message().empty());
  Check(judgments.ok() || !judgments.status().message().empty());
  if (!queries.ok() || !judgments.ok()) return 0;
  for (const JudgedQuery& query : *queries) {
    Check(query.documents.size() == query.document_ids.size() && query.documents.size() <= 5);
    for (const auto& [id, grades] : *judgments) {
      CheckValue(Ndcg(query.document_ids, grades, 10));
      CheckValue(ReciprocalRank(query.document_ids, grades, 1, 10));
    }
  }
  return 0;
}
