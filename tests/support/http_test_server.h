// A server on a free port of loopback that answers each connection with bytes of the test's choice.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "util/mutex.h"

namespace rerankd {

class HttpTestServer {
 public:
  // From what came, head and body, to the bytes to send before the connection is closed. nullopt:
  // send nothing and leave it open.
  using Handler = std::function<std::optional<std::string>(const std::string& request)>;

  explicit HttpTestServer(Handler handler)
      : handler_(std::move(handler)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_, any, size) != 0 || listen(listener_, 128) != 0 ||
        getsockname(listener_, any, &size) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this] { Serve(); });
  }
  ~HttpTestServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
    const MutexLock lock(mutex_);
    for (const int fd : open_) close(fd);
  }
  HttpTestServer(const HttpTestServer&) = delete;
  HttpTestServer& operator=(const HttpTestServer&) = delete;

  std::string Url(std::string_view path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }
  // What came, a request each.
  std::vector<std::string> requests() const {
    const MutexLock lock(mutex_);
    return requests_;
  }
  // Waits until a connection is left open, and until the client has closed it. False: it does not.
  bool WaitForClose() {
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    int fd = -1;
    {
      const MutexLock lock(mutex_);
      while (open_.empty() && std::chrono::steady_clock::now() < patience) {
        opened_.WaitUntil(mutex_, patience);
      }
      if (open_.empty()) return false;
      fd = open_.back();
    }
    pollfd watched{fd, POLLIN, 0};
    char byte = 0;
    return poll(&watched, 1, 60'000) == 1 && read(fd, &byte, 1) <= 0;
  }

 private:
  // Head and body.
  static bool IsWhole(const std::string& request) {
    const size_t end = request.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    constexpr std::string_view kLength = "Content-Length: ";
    const size_t at = request.find(kLength);
    return at > end ||
           request.size() >= end + 4 + std::strtoull(&request[at + kLength.size()], nullptr, 10);
  }

  void Serve() {
    while (true) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      std::string request;
      char buffer[65536];
      ssize_t n = 0;
      while (!IsWhole(request) && (n = read(fd, buffer, sizeof(buffer))) > 0) {
        request.append(buffer, static_cast<size_t>(n));
      }
      {
        const MutexLock lock(mutex_);
        requests_.push_back(request);
      }
      const std::optional<std::string> answer = handler_(request);
      if (!answer.has_value()) {
        const MutexLock lock(mutex_);
        open_.push_back(fd);
        opened_.NotifyAll();
        continue;
      }
      for (std::string_view rest = *answer; !rest.empty();) {
        n = send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (n <= 0) break;  // the client has seen enough
        rest.remove_prefix(static_cast<size_t>(n));
      }
      close(fd);
    }
  }

  const Handler handler_;
  const int listener_;
  int port_ = 0;
  mutable Mutex mutex_;
  CondVar opened_;
  std::vector<int> open_ RERANKD_GUARDED_BY(mutex_);
  std::vector<std::string> requests_ RERANKD_GUARDED_BY(mutex_);
  std::jthread thread_;
};

}  // namespace rerankd
