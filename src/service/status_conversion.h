// Our statuses on the wire.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace rerankd {

// The same code and message, and a binary google.rpc.Status with what core/errors.h attached:
// ErrorInfo, BadRequest, RetryInfo. The message is made valid UTF-8 and cut to
// a length that fits, percent-encoded and repeated in the details, into a client's 8 KiB of
// metadata.
grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace rerankd
