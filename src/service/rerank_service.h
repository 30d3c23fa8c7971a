// rerank.v1.RerankService over a catalog, on gRPC's callback API: no thread waits for a call.
#pragma once

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "service/unary_call.h"

namespace rerankd {

// Parses, validates, converts and answers; owns no thread.
class RerankService {
 public:
  explicit RerankService(std::shared_ptr<ServerState> state);
  // REQUIRES: the grpc::Server that it was registered with has shut down.
  ~RerankService();

  // For grpc::ServerBuilder::RegisterService; owned by this object.
  grpc::Service& service();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rerankd
