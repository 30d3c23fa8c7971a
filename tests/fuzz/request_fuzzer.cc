// Arbitrary bytes as a request: parsed or refused with INVALID_ARGUMENT, and what was parsed is
// what it says it is.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/errors.h"
#include "rerank/v1/rerank.pb.h"
#include "service/conversions.h"
#include "service/request_parser.h"
#include "service/status_conversion.h"
#include "service/validation.h"
#include "util/utf8.h"

namespace {

constexpr size_t kMaxDocuments = 64;

void Require(bool condition) {
  if (!condition) std::abort();
}

bool AllUtf8(const rerank::v1::RerankRequest& request) {
  bool valid = !rerankd::FindInvalidUtf8(request.query()).has_value() &&
               !rerankd::FindInvalidUtf8(request.model()).has_value();
  for (const std::string& document : request.documents()) {
    valid = valid && !rerankd::FindInvalidUtf8(document).has_value();
  }
  return valid;
}

void CheckRefusal(const absl::Status& status) {
  Require(status.code() == absl::StatusCode::kInvalidArgument);
  Require(rerankd::ReasonOf(status).has_value());
  const grpc::Status wire = rerankd::ToGrpcStatus(status);
  Require(!rerankd::FindInvalidUtf8(wire.error_message()).has_value());
  Require(!wire.error_details().empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view payload(reinterpret_cast<const char*>(data), size);
  rerank::v1::RerankRequest request;
  absl::Status status = rerankd::ParseRerankRequest(payload, kMaxDocuments, request);
  if (status.ok()) {
    Require(static_cast<size_t>(request.documents_size()) <= kMaxDocuments);
    Require(AllUtf8(request));
    status = rerankd::ValidateRerankRequest(request);
    if (status.ok()) {
      const size_t documents = static_cast<size_t>(request.documents_size());
      const rerankd::RerankRequest taken = rerankd::TakeRequest(request);
      Require(taken.documents.size() == documents);
      Require(!taken.query.empty());
      rerankd::RerankResult result;
      for (size_t i = 0; i < documents; ++i) result.documents.push_back({i, 0, false});
      rerank::v1::RerankResponse response;
      Require(rerankd::FillResponse(result, {}, request, documents, response).ok());
      for (int i = 0; request.return_documents() && i < response.results_size(); ++i) {
        Require(response.results(i).document() == taken.documents[static_cast<size_t>(i)]);
      }
    }
  }
  if (!status.ok()) CheckRefusal(status);

  rerank::v1::GetModelRequest other;
  if (const absl::Status refused = rerankd::ParseRequest(payload, other); !refused.ok()) {
    CheckRefusal(refused);
  }
  return 0;
}
