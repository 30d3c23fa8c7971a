// What the integration tests share: models, channels, work that takes a while.
#pragma once

#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "grpc/health/v1/health.grpc.pb.h"
#include "service/rpc.h"
#include "support/server_process.h"

namespace rerankd {

// A model of tests/data/models.
inline std::string TestModel(const std::string& name) {
  return ServerProcess::Variable("RERANKD_SOURCE_DIR") + "/tests/data/models/" + name;
}

inline std::string DefaultModel() { return ServerProcess::Variable("RERANKD_DEFAULT_MODEL_DIR"); }
inline std::string DefaultModelName() { return std::filesystem::path(DefaultModel()).filename(); }

// A connection of its own.
inline std::shared_ptr<grpc::Channel> Dial(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

// "SERVING", "NOT_SERVING", or the name of the error.
inline std::string Health(const std::shared_ptr<grpc::Channel>& channel,
                          const std::string& service = "") {
  grpc::ClientContext context;
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(service);
  grpc::health::v1::HealthCheckResponse response;
  const grpc::Status status =
      grpc::health::v1::Health::NewStub(channel)->Check(&context, request, &response);
  if (status.error_code() == grpc::StatusCode::NOT_FOUND) return "NOT_FOUND";
  if (!status.ok()) return status.error_message();
  return grpc::health::v1::HealthCheckResponse::ServingStatus_Name(response.status());
}

// `documents` documents for the default model, each of some 300 tokens.
inline rerank::v1::RerankRequest LongWork(size_t documents) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "word ";
  rerank::v1::RerankRequest request =
      MakeRequest("Which one is it?", std::vector<std::string>(documents, text));
  request.set_model(DefaultModelName());
  return request;
}

// Whether `server` (at log level debug) has accepted a request with so many documents.
inline bool HasAccepted(ServerProcess& server, size_t documents) {
  return server.WaitForOutput("accepted: model=" + DefaultModelName() +
                              " documents=" + std::to_string(documents) + "\n");
}

}  // namespace rerankd
