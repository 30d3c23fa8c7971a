// The real gRPC server over fake models, on a free port of this machine.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <future>
#include <memory>
#include <string>
#include <utility>
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
    options.listen = {"127.0.0.1:0"};
    return options;
  }

  // Models "mini" (the default one, also called "small") and "large".
  explicit RerankTestServer(const ServiceOptions& options = FreePort(),
                            const ServerSecurity& security = {},
                            std::shared_ptr<const CallTracer> tracer = nullptr) {
    ModelInfo info{.name = "mini",
                   .aliases = {"small"},
                   .kind = "cross_encoder",
                   .architecture = "BertForSequenceClassification",
                   .device = "cpu",
                   .precision = "fp32",
                   .max_tokens = 512,
                   .parameters = 22'000'000,
                   .default_score_kind = ScoreKind::kRaw};
    Add(info, mini_);
    info.name = "large";
    info.aliases.clear();
    info.default_score_kind = ScoreKind::kSigmoid;
    Add(info, large_);
    auto server = GrpcServer::Start(
        options, catalog_,
        [this](const RequestLog& log) {
          const MutexLock lock(mutex_);
          logs_.push_back(log);
        },
        security, std::move(tracer));
    if (!server.ok()) {
      ADD_FAILURE() << server.status();
      std::abort();
    }
    server_ = *std::move(server);
  }

  // A call that waits holds the model that holds it: what a test leaves waiting is answered.
  ~RerankTestServer() {
    server_.reset();
    mini_->Release();
    large_->Release();
  }
  RerankTestServer(const RerankTestServer&) = delete;
  RerankTestServer& operator=(const RerankTestServer&) = delete;

  GrpcServer& server() { return *server_; }
  const Catalog& catalog() const { return catalog_; }
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

  // From now on loading a model fails so; OkStatus() ends that.
  void FailLoads(absl::Status status) {
    const MutexLock lock(mutex_);
    load_failure_ = std::move(status);
  }

 private:
  void Add(const ModelInfo& info, const std::shared_ptr<FakeReranker>& fake) {
    ManagedModel::Options model_options;
    model_options.info = info;
    auto model = std::make_unique<ManagedModel>(
        model_options,
        [this, info, fake](const std::stop_token&) -> absl::StatusOr<ManagedModel::Loaded> {
          const MutexLock lock(mutex_);
          if (!load_failure_.ok()) return load_failure_;
          return ManagedModel::Loaded{info, fake};
        });
    const auto loaded = std::make_shared<std::promise<absl::Status>>();
    model->Load([loaded](absl::Status status) { loaded->set_value(std::move(status)); });
    EXPECT_TRUE(loaded->get_future().get().ok());
    EXPECT_TRUE(catalog_.Add(std::move(model)).ok());
  }

  std::shared_ptr<FakeReranker> mini_ = std::make_shared<FakeReranker>();
  std::shared_ptr<FakeReranker> large_ = std::make_shared<FakeReranker>();
  Mutex mutex_;
  std::vector<RequestLog> logs_ RERANKD_GUARDED_BY(mutex_);
  absl::Status load_failure_ RERANKD_GUARDED_BY(mutex_);
  Catalog catalog_;
  std::unique_ptr<GrpcServer> server_;
};

}  // namespace rerankd
