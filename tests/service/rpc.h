// Calling the service from a test.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "rerank/v1/rerank.grpc.pb.h"

namespace rerankd {

inline rerank::v1::RerankRequest MakeRequest(std::string query,
                                             const std::vector<std::string>& documents) {
  rerank::v1::RerankRequest request;
  request.set_query(std::move(query));
  for (const std::string& document : documents) request.add_documents(document);
  return request;
}

// The detail of type T that a failed call carries.
template <typename T>
std::optional<T> DetailOf(const grpc::Status& status) {
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return std::nullopt;
  for (const auto& detail : details.details()) {
    T out;
    if (detail.UnpackTo(&out)) return out;
  }
  return std::nullopt;
}

inline std::string ReasonOf(const grpc::Status& status) {
  const auto info = DetailOf<google::rpc::ErrorInfo>(status);
  return info.has_value() ? info->reason() : "";
}

inline std::string FieldOf(const grpc::Status& status) {
  const auto bad_request = DetailOf<google::rpc::BadRequest>(status);
  if (!bad_request.has_value() || bad_request->field_violations_size() != 1) return "";
  return bad_request->field_violations(0).field();
}

// A Rerank call in progress.
class AsyncRerank {
 public:
  AsyncRerank(const std::shared_ptr<grpc::Channel>& channel, rerank::v1::RerankRequest request,
              std::optional<std::chrono::system_clock::time_point> deadline = std::nullopt)
      : stub_(rerank::v1::RerankService::NewStub(channel)), request_(std::move(request)) {
    if (deadline.has_value()) context_.set_deadline(*deadline);
    stub_->async()->Rerank(&context_, &request_, &response_,
                           [this](grpc::Status status) { done_.set_value(std::move(status)); });
  }
  ~AsyncRerank() { Wait(); }
  AsyncRerank(const AsyncRerank&) = delete;
  AsyncRerank& operator=(const AsyncRerank&) = delete;

  void Cancel() { context_.TryCancel(); }
  const grpc::Status& Wait() {
    if (!status_.has_value()) status_ = done_.get_future().get();
    return *status_;
  }
  const rerank::v1::RerankResponse& response() const { return response_; }

 private:
  std::unique_ptr<rerank::v1::RerankService::Stub> stub_;
  grpc::ClientContext context_;
  rerank::v1::RerankRequest request_;
  rerank::v1::RerankResponse response_;
  std::promise<grpc::Status> done_;
  std::optional<grpc::Status> status_;
};

// Sends bytes as they are, which no stub would let us.
inline grpc::Status SendBytes(const std::shared_ptr<grpc::Channel>& channel,
                              const std::string& method, std::string_view payload,
                              grpc::ClientContext& context) {
  grpc::GenericStub stub(channel);
  const grpc::Slice slice(payload.data(), payload.size());
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, method, {}, &request, &response,
                 [&done](grpc::Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

inline grpc::Status SendBytes(const std::shared_ptr<grpc::Channel>& channel,
                              const std::string& method, std::string_view payload) {
  grpc::ClientContext context;
  return SendBytes(channel, method, payload, context);
}

}  // namespace rerankd
