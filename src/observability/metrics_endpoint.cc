#include "observability/metrics_endpoint.h"

#include <fmt/format.h>
#include <netdb.h>
#include <prometheus/exposer.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <stop_token>
#include <thread>
#include <vector>

#include "util/address.h"
#include "util/no_throw.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

// A connection has a thread until it is answered or dropped. Those who connect and send nothing, or
// do not read, must not keep the scrape out: there are more threads than a scrape needs (they
// sleep), and each of them is free again soon. A few dozen such connections so cost a scrape a few
// seconds; Prometheus waits for ten.
constexpr char kThreads[] = "16";
constexpr char kRequestTimeoutMs[] = "2000";

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

// The IPv4 addresses of a host; null: it has none. The library listens on no others.
AddressList Ipv4Of(const ListenAddress& address) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  (void)getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
  return {found, &freeaddrinfo};
}

// A connection that is closed again at once.
void Knock(const ListenAddress& address) {
  const AddressList found = Ipv4Of(address);
  if (found == nullptr) return;
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0) {
    (void)connect(fd, found->ai_addr, found->ai_addrlen);
    close(fd);
  }
}

}  // namespace

MetricsEndpoint::MetricsEndpoint() = default;

MetricsEndpoint::~MetricsEndpoint() {
  if (exposer_ == nullptr) return;
  // The library's listener looks only every two seconds whether it should stop, or when somebody
  // comes; an exit should not take that long.
  std::jthread knocking;
  (void)WithoutThrowing([&] {
    const auto address = ParseListenAddress(address_);
    if (!address.ok()) return address.status();
    knocking = std::jthread([address = *address](const std::stop_token& stop) {
      for (; !stop.stop_requested(); std::this_thread::sleep_for(std::chrono::milliseconds(10))) {
        Knock(address);
      }
    });
    return absl::OkStatus();
  });
  exposer_.reset();
}

absl::StatusOr<std::unique_ptr<MetricsEndpoint>> MetricsEndpoint::Start(
    const MetricsOptions& options) {
  RERANKD_ASSIGN_OR_RETURN(const ListenAddress address, ParseListenAddress(options.listen));
  if (!address.unix_path.empty() || Ipv4Of(address) == nullptr) {
    return absl::FailedPreconditionError(
        fmt::format("cannot listen on {}: it is no IPv4 address, and metrics are served over "
                    "nothing else; write 127.0.0.1:{} or 0.0.0.0:{}",
                    options.listen, address.port, address.port));
  }
  std::unique_ptr<MetricsEndpoint> endpoint(new MetricsEndpoint());
  const absl::Status started = WithoutThrowing([&] {
    endpoint->exposer_ = std::make_unique<prometheus::Exposer>(
        std::vector<std::string>{"listening_ports", options.listen, "num_threads", kThreads,
                                 "request_timeout_ms", kRequestTimeoutMs});
    return absl::OkStatus();
  });
  const std::vector<int> ports =
      started.ok() ? endpoint->exposer_->GetListeningPorts() : std::vector<int>();
  if (ports.empty()) {
    return absl::FailedPreconditionError(fmt::format(
        "cannot listen on {}: it is in use, or no address of this machine", options.listen));
  }
  endpoint->address_ =
      options.listen.substr(0, options.listen.rfind(':') + 1) + std::to_string(ports.front());
  return endpoint;
}

void MetricsEndpoint::Add(const std::shared_ptr<prometheus::Collectable>& part) {
  exposer_->RegisterCollectable(part);
}

void MetricsEndpoint::Remove(const std::shared_ptr<prometheus::Collectable>& part) {
  exposer_->RemoveCollectable(part);
}

}  // namespace rerankd
