// What gRPC itself has to say, in the server's log instead of on stderr.
#pragma once

#include <memory>

#include "observability/logging.h"

namespace rerankd {

// From now on gRPC's lines go to `logger`, for as long as the process runs: gRPC's threads may
// outlive every server. Its errors are warnings there, since callers can bring them about (a call
// that is compressed), each kind once a minute at most; what GRPC_VERBOSITY asks for beyond them is
// for level debug. What GRPC_TRACE asks for is not heeded, and that is said: traces hold keys and
// texts of callers. Nothing else is done with a gRPC that logs through absl (1.65 and later).
// REQUIRES: gRPC has not been used yet.
void SendGrpcLogTo(std::shared_ptr<Logger> logger);

}  // namespace rerankd
