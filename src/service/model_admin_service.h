// rerank.v1.ModelAdminService over a catalog: loads, reloads and unloads its models.
#pragma once

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "service/unary_call.h"

namespace rerankd {

// Refuses every call with PERMISSION_DENIED unless ServiceOptions::admin is set and, on a server
// that asks for API keys, the caller's key allows it. Owns no thread.
class ModelAdminService {
 public:
  explicit ModelAdminService(std::shared_ptr<ServerState> state);
  // REQUIRES: the grpc::Server that it was registered with has shut down.
  ~ModelAdminService();

  // For grpc::ServerBuilder::RegisterService; owned by this object.
  grpc::Service& service();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rerankd
