#include "service/grpc_server.h"

#include <fmt/format.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <mutex>
#include <string_view>
#include <system_error>
#include <utility>

#include "grpc/health/v1/health.pb.h"
#include "service/listen_address.h"
#include "service/model_admin_service.h"
#include "service/model_health.h"
#include "service/rerank_service.h"
#include "service/tls_credentials.h"
#include "service/unary_call.h"
#include "util/address.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

// For what the wait for running calls does not cover, such as a refusal on its way out.
constexpr std::chrono::milliseconds kFlushTime{100};

int Milliseconds(std::chrono::milliseconds duration) {
  return static_cast<int>(std::min<int64_t>(duration.count(), std::numeric_limits<int>::max()));
}

absl::Status CheckOptions(const ServiceOptions& options) {
  constexpr size_t kMost = size_t{1} << 30;
  if (options.max_message_bytes == 0 || options.max_message_bytes > kMost) {
    return absl::InvalidArgumentError(
        fmt::format("max_message_bytes is {}, must be 1 to {}", options.max_message_bytes, kMost));
  }
  const std::pair<const char*, std::chrono::milliseconds> times[] = {
      {"min_client_ping_interval", options.min_client_ping_interval},
      {"keepalive_interval", options.keepalive_interval},
      {"keepalive_timeout", options.keepalive_timeout},
      {"handshake_timeout", options.handshake_timeout}};
  for (const auto& [name, value] : times) {
    if (value.count() <= 0) {
      return absl::InvalidArgumentError(fmt::format("{} must be more than 0", name));
    }
  }
  if (options.listen.empty()) return absl::InvalidArgumentError("listen names no address");
  for (const std::string& address : options.listen) {
    RERANKD_RETURN_IF_ERROR(CheckListenAddress(address));
  }
  return absl::OkStatus();
}

// Of one call, as HTTP/2 counts it: names, values and 32 bytes for each pair.
constexpr int kMaxMetadataBytes = 16 << 10;

// Of an address that was checked. Empty: it is no Unix socket.
std::string SocketPathOf(std::string_view address) {
  absl::StatusOr<ListenAddress> parsed = ParseListenAddress(address);
  return parsed.ok() ? std::move(parsed)->unix_path : "";
}

// gRPC goes through the addresses in turn, says which ports it bound, and gives up with the first
// that it cannot have. Each was found to be free just before.
absl::Status WhyNot(const std::vector<std::string>& listen, const std::vector<int>& ports) {
  const auto failed = std::ranges::find(ports, 0);
  if (failed == ports.end()) return absl::InternalError("gRPC does not start, and gives no reason");
  const std::string& address = listen[static_cast<size_t>(failed - ports.begin())];
  RERANKD_RETURN_IF_ERROR(CheckListenAddress(address));
  return absl::FailedPreconditionError(
      fmt::format("cannot listen on {}: an address before it in listen takes the same port, or "
                  "somebody else did just now",
                  address));
}

absl::Status SetMode(const std::string& socket, unsigned mode) {
  if (chmod(socket.c_str(), static_cast<mode_t>(mode)) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format("cannot set the permissions of {}: {}", socket,
                                                   std::generic_category().message(errno)));
}

}  // namespace

class GrpcServer::Impl {
 public:
  Impl(const ServiceOptions& options, const Catalog& catalog, RequestLogger logger,
       ServerSecurity security, std::shared_ptr<const CallTracer> tracer)
      : state_(std::make_shared<ServerState>(options, catalog, std::move(logger),
                                             std::move(security.access), std::move(tracer))),
        tls_(std::move(security.tls)),
        require_client_certificate_(security.require_client_certificate),
        rerank_(state_),
        admin_(state_) {}

  absl::Status Start(const ServiceOptions& options, const Catalog& catalog) {
    RERANKD_RETURN_IF_ERROR(CheckOptions(options));
    grpc::EnableDefaultHealthCheckService(true);
    if (options.reflection) {
      grpc::reflection::InitProtoReflectionServerBuilderPlugin();
      // Otherwise the linker leaves the description of the health service out.
      google::protobuf::LinkMessageReflection<grpc::health::v1::HealthCheckRequest>();
    }

    grpc::ServerBuilder builder;
    std::vector<int> ports(options.listen.size());
    for (size_t i = 0; i < ports.size(); ++i) {
      credentials_.push_back(Credentials(options.listen[i]));
      builder.AddListeningPort(options.listen[i], credentials_.back(), &ports[i]);
    }
    builder.RegisterService(&rerank_.service());
    builder.RegisterService(&admin_.service());
    builder.SetMaxReceiveMessageSize(static_cast<int>(options.max_message_bytes));
    builder.SetMaxSendMessageSize(-1);  // documents that came in may go out
    if (!options.accept_compressed) {
      builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
      builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
    }
    // Two servers on one port would share the calls between them.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                               static_cast<int>(options.max_streams_per_connection));
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                               Milliseconds(options.handshake_timeout));
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                               Milliseconds(options.min_client_ping_interval));
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS,
                               Milliseconds(options.keepalive_interval));
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                               Milliseconds(options.keepalive_timeout));
    if (options.max_connection_age.count() > 0) {
      builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                                 Milliseconds(options.max_connection_age));
    }
    {
      // Between bind() and SetMode() nobody but the owner gets at a socket.
      const mode_t usual = umask(0177);
      server_ = builder.BuildAndStart();
      umask(usual);
    }
    if (server_ == nullptr) return WhyNot(options.listen, ports);
    for (size_t i = 0; i < ports.size(); ++i) {
      std::string& address = addresses_.emplace_back(options.listen[i]);
      if (const std::string path = SocketPathOf(address); !path.empty()) {
        RERANKD_RETURN_IF_ERROR(SetMode(path, options.unix_socket_mode));
      } else {
        address.replace(address.rfind(':') + 1, std::string::npos, std::to_string(ports[i]));
        if (port_ == 0) port_ = ports[i];
      }
    }
    health_ = ModelHealth::Start(catalog, *server_->GetHealthCheckService());
    return absl::OkStatus();
  }

  const std::vector<std::string>& addresses() const { return addresses_; }
  int port() const { return port_; }
  size_t calls_in_progress() const { return state_->in_progress(); }

  void BeginShutdown() {
    state_->Refuse();
    server_->GetHealthCheckService()->Shutdown();
  }

  bool Stop(std::chrono::milliseconds grace) {
    BeginShutdown();
    // Not grpc::Server::Shutdown(grace): that would also wait for health watchers, who stay.
    const bool idle = state_->WaitUntilIdle(std::chrono::steady_clock::now() + grace);
    std::call_once(stop_once_, [&] {
      health_->Stop();
      server_->Shutdown(std::chrono::system_clock::now() +
                        (idle ? kFlushTime : std::chrono::milliseconds(0)));
    });
    return idle;
  }

 private:
  // A Unix socket is guarded by its file's permissions, and by keys.
  std::shared_ptr<grpc::ServerCredentials> Credentials(std::string_view address) const {
    if (tls_ == nullptr || !SocketPathOf(address).empty()) {
      return grpc::InsecureServerCredentials();
    }
    return MakeTlsCredentials(tls_, require_client_certificate_);
  }

  // These outlive the server.
  const std::shared_ptr<ServerState> state_;
  const std::shared_ptr<TlsSource> tls_;
  const bool require_client_certificate_;
  std::vector<std::shared_ptr<grpc::ServerCredentials>> credentials_;
  RerankService rerank_;
  ModelAdminService admin_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<ModelHealth> health_;
  int port_ = 0;
  std::vector<std::string> addresses_;
  std::once_flag stop_once_;
};

GrpcServer::GrpcServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

GrpcServer::~GrpcServer() { Stop(std::chrono::milliseconds(0)); }

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(
    const ServiceOptions& options, const Catalog& catalog, RequestLogger logger,
    ServerSecurity security, std::shared_ptr<const CallTracer> tracer) {
  auto impl = std::make_unique<Impl>(options, catalog, std::move(logger), std::move(security),
                                     std::move(tracer));
  RERANKD_RETURN_IF_ERROR(impl->Start(options, catalog));
  return std::unique_ptr<GrpcServer>(new GrpcServer(std::move(impl)));
}

const std::vector<std::string>& GrpcServer::addresses() const { return impl_->addresses(); }

int GrpcServer::port() const { return impl_->port(); }

size_t GrpcServer::calls_in_progress() const { return impl_->calls_in_progress(); }

void GrpcServer::BeginShutdown() { impl_->BeginShutdown(); }

bool GrpcServer::Stop(std::chrono::milliseconds grace) { return impl_->Stop(grace); }

}  // namespace rerankd
