// A collector of traces: the receiving end of OTLP/gRPC, which keeps what it gets.
#pragma once

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "opentelemetry/proto/collector/trace/v1/trace_service.grpc.pb.h"
#include "util/mutex.h"

namespace rerankd {

// Safe for concurrent use.
class OtlpCollector final
    : public opentelemetry::proto::collector::trace::v1::TraceService::Service {
 public:
  using OtlpSpan = opentelemetry::proto::trace::v1::Span;
  using Request = opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;
  using Response = opentelemetry::proto::collector::trace::v1::ExportTraceServiceResponse;

  explicit OtlpCollector(const std::shared_ptr<grpc::ServerCredentials>& credentials =
                             grpc::InsecureServerCredentials()) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", credentials, &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    EXPECT_NE(server_, nullptr);
  }
  ~OtlpCollector() override {
    Answer(grpc::Status::OK);
    server_->Shutdown(std::chrono::system_clock::now());
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  int port() const { return port_; }

  // From now on requests are answered so; only those that are answered OK are kept.
  void Answer(grpc::Status status, int64_t rejected = 0) {
    const MutexLock lock(mutex_);
    answer_ = std::move(status);
    rejected_ = rejected;
    silent_ = false;
    changed_.NotifyAll();
  }
  // From now on requests are left without an answer.
  void KeepSilent() {
    const MutexLock lock(mutex_);
    silent_ = true;
  }

  // Waits until so many requests have come, or is over.
  bool WaitForRequests(size_t requests) {
    return WaitFor([&]() RERANKD_REQUIRES(mutex_) { return seen_ >= requests; });
  }
  // Waits until one span is there for which `is_it` is true.
  bool WaitForSpan(const std::function<bool(const OtlpSpan&)>& is_it) {
    return WaitFor([&]() RERANKD_REQUIRES(mutex_) {
      for (const OtlpSpan& span : SpansIn(requests_)) {
        if (is_it(span)) return true;
      }
      return false;
    });
  }

  std::vector<Request> requests() const {
    const MutexLock lock(mutex_);
    return requests_;
  }
  std::vector<OtlpSpan> spans() const { return SpansIn(requests()); }
  // Those of one trace; its id as 16 bytes.
  std::vector<OtlpSpan> SpansOf(const std::string& trace_id) const {
    std::vector<OtlpSpan> found;
    for (OtlpSpan& span : spans()) {
      if (span.trace_id() == trace_id) found.push_back(std::move(span));
    }
    return found;
  }

 private:
  static std::vector<OtlpSpan> SpansIn(const std::vector<Request>& requests) {
    std::vector<OtlpSpan> spans;
    for (const Request& request : requests) {
      for (const auto& of_resource : request.resource_spans()) {
        for (const auto& of_scope : of_resource.scope_spans()) {
          spans.insert(spans.end(), of_scope.spans().begin(), of_scope.spans().end());
        }
      }
    }
    return spans;
  }

  template <typename Condition>
  bool WaitFor(const Condition& condition) {
    const auto most = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    const MutexLock lock(mutex_);
    while (!condition()) {
      if (std::chrono::steady_clock::now() >= most) return false;
      changed_.WaitUntil(mutex_, most);
    }
    return true;
  }

  grpc::Status Export(grpc::ServerContext* context, const Request* request,
                      Response* response) override {
    const MutexLock lock(mutex_);
    ++seen_;
    changed_.NotifyAll();
    while (silent_ && !context->IsCancelled()) {
      changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + std::chrono::milliseconds(10));
    }
    if (!answer_.ok()) return answer_;
    if (rejected_ > 0) response->mutable_partial_success()->set_rejected_spans(rejected_);
    requests_.push_back(*request);
    changed_.NotifyAll();
    return answer_;
  }

  int port_ = 0;
  mutable Mutex mutex_;
  CondVar changed_;
  grpc::Status answer_ RERANKD_GUARDED_BY(mutex_);
  int64_t rejected_ RERANKD_GUARDED_BY(mutex_) = 0;
  bool silent_ RERANKD_GUARDED_BY(mutex_) = false;
  size_t seen_ RERANKD_GUARDED_BY(mutex_) = 0;
  std::vector<Request> requests_ RERANKD_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Server> server_;
};

// The value of an attribute of a span, in words; empty: it has none of that name.
inline std::string AttributeOf(const OtlpCollector::OtlpSpan& span, const std::string& key) {
  for (const auto& attribute : span.attributes()) {
    if (attribute.key() != key) continue;
    return attribute.value().has_string_value() ? attribute.value().string_value()
                                                : std::to_string(attribute.value().int_value());
  }
  return "";
}

}  // namespace rerankd
