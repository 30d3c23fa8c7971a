// What a request must be before any work is done for it.
#pragma once

#include <cstddef>
#include <string_view>

#include "absl/status/status.h"
#include "rerank/v1/rerank.pb.h"

namespace rerankd {

// INVALID_ARGUMENT naming the first field at fault: an empty query or document, a value that is
// not one of its enum's. UTF-8 and the number of documents were checked while parsing.
absl::Status ValidateRerankRequest(const rerank::v1::RerankRequest& request);

// The same for a request that must name a model.
absl::Status ValidateName(std::string_view name);

// Whether a caller's x-request-id can be used: 1 to 128 printable ASCII characters, no spaces.
bool IsUsableRequestId(std::string_view id);

}  // namespace rerankd
