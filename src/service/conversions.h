// Between the API's messages and the domain's structs.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "core/model_info.h"
#include "core/types.h"
#include "rerank/v1/rerank.pb.h"

namespace rerankd {

// All of a request but its deadline and its cancellation. Takes the documents out of `request`,
// or copies them when the answer will need them (return_documents).
// REQUIRES: `request` is valid (ValidateRerankRequest).
RerankRequest TakeRequest(rerank::v1::RerankRequest& request);

// Writes the answer to `request`, as TakeRequest() left it, and takes documents out of it.
// INTERNAL when the result names a document that the request does not have.
absl::Status FillResponse(const RerankResult& result, const std::string& model,
                          rerank::v1::RerankRequest& request, size_t documents,
                          rerank::v1::RerankResponse& response);

rerank::v1::Model ToProto(const ModelStatus& status, bool is_default);
rerank::v1::ModelState ToProto(ModelState state);
rerank::v1::ScoreKind ToProto(ScoreKind kind);
rerank::v1::Truncation ToProto(Truncation truncation);

}  // namespace rerankd
