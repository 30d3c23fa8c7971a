// Bytes to request messages. A protobuf parser only says yes or no, and gRPC turns its no into a
// bare INTERNAL; this says which field is at fault.
#pragma once

#include <google/protobuf/message.h>

#include <cstddef>
#include <string_view>

#include "absl/status/status.h"
#include "rerank/v1/rerank.pb.h"

namespace rerankd {

// Parses `payload` into `message`. INVALID_ARGUMENT names the first string field that is not valid
// UTF-8, or says that the bytes are no such message.
absl::Status ParseRequest(std::string_view payload, google::protobuf::Message& message);

// The same, and INVALID_ARGUMENT when there are more than `max_documents` (0: any number). They
// are counted before anything is allocated for them: an empty document takes 2 bytes of a message
// but 40 of memory.
absl::Status ParseRerankRequest(std::string_view payload, size_t max_documents,
                                rerank::v1::RerankRequest& request);

}  // namespace rerankd
