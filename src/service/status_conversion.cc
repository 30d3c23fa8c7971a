#include "service/status_conversion.h"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

#include "core/errors.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "util/utf8.h"

namespace rerankd {
namespace {

constexpr size_t kMaxMessageBytes = 1024;
constexpr size_t kMaxFieldBytes = 128;

// Messages may quote what a peer sent.
std::string Presentable(std::string text, size_t max_bytes) {
  constexpr std::string_view kCut = "…";
  const bool cut = text.size() > max_bytes;
  if (cut) text.resize(max_bytes);
  while (const auto offset = FindInvalidUtf8(text)) text[*offset] = '?';
  if (cut) {
    text.resize(Utf8FloorBoundary(text, max_bytes - kCut.size()));
    text += kCut;
  }
  return text;
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const std::string message = Presentable(std::string(status.message()), kMaxMessageBytes);
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(message);
  if (auto known = ErrorInfoOf(status); known.has_value()) {
    google::rpc::ErrorInfo info;
    info.set_reason(std::move(known->reason));
    info.set_domain(std::move(known->domain));
    for (auto& [key, value] : known->metadata) {
      (*info.mutable_metadata())[key] = Presentable(std::move(value), kMaxFieldBytes);
    }
    details.add_details()->PackFrom(info);
  }
  if (auto field = FieldOf(status); field.has_value()) {
    google::rpc::BadRequest bad_request;
    auto& violation = *bad_request.add_field_violations();
    violation.set_field(Presentable(*std::move(field), kMaxFieldBytes));
    violation.set_description(message);
    details.add_details()->PackFrom(bad_request);
  }
  if (const auto retry_after = RetryAfterOf(status); retry_after.has_value()) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(retry_after->count() / 1000);
    retry.mutable_retry_delay()->set_nanos(
        static_cast<int32_t>(retry_after->count() % 1000 * 1'000'000));
    details.add_details()->PackFrom(retry);
  }
  return {static_cast<grpc::StatusCode>(status.code()), message,
          details.details().empty() ? std::string() : details.SerializeAsString()};
}

}  // namespace rerankd
