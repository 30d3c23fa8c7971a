#include "service/validation.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/errors.h"

namespace rerankd {
namespace {

constexpr size_t kMaxRequestIdBytes = 128;

absl::Status Empty(std::string_view field) {
  return WithReason(InvalidField(field, "is empty"), "EMPTY_FIELD");
}

absl::Status NoSuchValue(std::string_view field, int value,
                         const google::protobuf::EnumDescriptor& type) {
  return WithReason(InvalidField(field, fmt::format("has the value {}, which {} does not define",
                                                    value, type.full_name())),
                    "UNKNOWN_ENUM_VALUE");
}

}  // namespace

absl::Status ValidateRerankRequest(const rerank::v1::RerankRequest& request) {
  if (request.query().empty()) return Empty("query");
  for (int i = 0; i < request.documents_size(); ++i) {
    if (request.documents(i).empty()) return Empty(fmt::format("documents[{}]", i));
  }
  if (!rerank::v1::ScoreKind_IsValid(request.score_kind())) {
    return NoSuchValue("score_kind", request.score_kind(), *rerank::v1::ScoreKind_descriptor());
  }
  if (!rerank::v1::Truncation_IsValid(request.truncation())) {
    return NoSuchValue("truncation", request.truncation(), *rerank::v1::Truncation_descriptor());
  }
  return absl::OkStatus();
}

absl::Status ValidateName(std::string_view name) {
  return name.empty() ? Empty("name") : absl::OkStatus();
}

bool IsUsableRequestId(std::string_view id) {
  return !id.empty() && id.size() <= kMaxRequestIdBytes &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace rerankd
