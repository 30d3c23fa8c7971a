// rerank.v1.RerankService over a catalog, on gRPC's callback API: no thread waits for a call.
#pragma once

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "service/catalog.h"
#include "service/request_log.h"
#include "service/service_options.h"
#include "util/clock.h"

namespace rerankd {

// Parses, validates, converts and answers; owns no thread. The methods are for any thread.
class RerankService {
 public:
  // `catalog` must outlive the calls in progress; `logger` may be empty.
  RerankService(const ServiceOptions& options, const Catalog& catalog, RequestLogger logger);
  // REQUIRES: the grpc::Server that it was registered with has shut down.
  ~RerankService();

  // For grpc::ServerBuilder::RegisterService; owned by this object.
  grpc::Service& service();

  // From now on calls are refused with UNAVAILABLE; those in progress go on.
  void Refuse();

  // Blocks until no call is in progress (its answer was written, or its caller has gone) or
  // `deadline` has passed. Returns whether none is.
  bool WaitUntilIdle(TimePoint deadline);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rerankd
