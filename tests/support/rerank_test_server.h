// The real gRPC server over two fake models, on a free port of this machine.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "service/catalog.h"
#include "service/grpc_server.h"
#include "support/fake_reranker.h"
#include "util/mutex.h"

namespace rerankd {

class RerankTestServer {
 public:
  static ServiceOptions FreePort() {
    ServiceOptions options;
    options.listen = "127.0.0.1:0";
    return options;
  }

  // Models "mini" (the default one) and "large".
  explicit RerankTestServer(const ServiceOptions& options = FreePort()) {
    ModelInfo info{.name = "mini",
                   .kind = "cross_encoder",
                   .architecture = "BertForSequenceClassification",
                   .device = "cpu",
                   .precision = "fp32",
                   .max_tokens = 512,
                   .parameters = 22'000'000};
    EXPECT_TRUE(catalog_.Add({info, mini_}).ok());
    info.name = "large";
    info.default_score_kind = ScoreKind::kSigmoid;
    EXPECT_TRUE(catalog_.Add({info, large_}).ok());
    auto server = GrpcServer::Start(options, catalog_, [this](const RequestLog& log) {
      const MutexLock lock(mutex_);
      logs_.push_back(log);
    });
    if (!server.ok()) {
      ADD_FAILURE() << server.status();
      std::abort();
    }
    server_ = *std::move(server);
  }

  GrpcServer& server() { return *server_; }
  FakeReranker& mini() { return *mini_; }
  FakeReranker& large() { return *large_; }
  const std::string& address() const { return server_->address(); }

  // A connection of its own, whatever other tests dialled before.
  std::shared_ptr<grpc::Channel> Channel(grpc::ChannelArguments arguments = {}) const {
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetMaxReceiveMessageSize(-1);
    return grpc::CreateCustomChannel(address(), grpc::InsecureChannelCredentials(), arguments);
  }

  // What was logged so far. A call is logged before its caller hears of it.
  std::vector<RequestLog> logs() {
    const MutexLock lock(mutex_);
    return logs_;
  }

  // Stops without grace and takes the server away; the models stay.
  void DestroyServer() { server_.reset(); }

 private:
  std::shared_ptr<FakeReranker> mini_ = std::make_shared<FakeReranker>();
  std::shared_ptr<FakeReranker> large_ = std::make_shared<FakeReranker>();
  Catalog catalog_;
  Mutex mutex_;
  std::vector<RequestLog> logs_ RERANKD_GUARDED_BY(mutex_);
  std::unique_ptr<GrpcServer> server_;
};

}  // namespace rerankd
