// tests/support/fake_providers.py in a process of its own.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/curl_http_client.h"

namespace rerankd {

class FakeProviders {
 public:
  explicit FakeProviders(const std::string& latency = "0") {
    int in[2];
    int out[2];
    // Closed in other children: they would else keep it running.
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) std::abort();
    pid_ = fork();
    if (pid_ == 0) {
      dup2(in[0], STDIN_FILENO);
      dup2(out[1], STDOUT_FILENO);
      for (const int fd : {in[0], in[1], out[0], out[1]}) close(fd);
      const std::string script =
          Variable("RERANKD_SOURCE_DIR") + "/tests/support/fake_providers.py";
      setenv("PYTHONPATH", Variable("RERANKD_H2").c_str(), 1);
      execlp("python3", "python3", script.c_str(), "--latency", latency.c_str(), nullptr);
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    stdin_ = in[1];
    std::string line;
    char c = 0;
    while (read(out[0], &c, 1) == 1 && c != '\n') line += c;
    close(out[0]);
    addresses_ = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!addresses_.is_object()) {
      ADD_FAILURE() << "fake_providers.py does not run; it needs python3 and openssl";
      std::abort();
    }
  }
  ~FakeProviders() {
    close(stdin_);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  FakeProviders(const FakeProviders&) = delete;
  FakeProviders& operator=(const FakeProviders&) = delete;

  // "http", "https", "https1" (HTTP/1.1 over TLS), "wrong_host", "expired".
  std::string Url(const std::string& listener) const { return addresses_.at(listener); }
  // The certificate of the authority that made all of them.
  std::string ca() const { return addresses_.at("ca"); }
  // Without the package h2 it has HTTP/1.1 only.
  bool speaks_http2() const { return addresses_.at("h2"); }

  // What came so far: see fake_providers.py.
  nlohmann::json Requests() const {
    CurlHttpClient client({.user_agent = "test"});
    const auto response = client.Send({.url = Url("http") + "/_requests"}, nullptr, {});
    if (!response.ok()) {
      ADD_FAILURE() << response.status().ToString();
      return nlohmann::json::array();
    }
    return nlohmann::json::parse(response->body);
  }
  // Waits until the `n`th request has come, and, if asked, until its client has broken it off.
  nlohmann::json WaitFor(size_t n, bool closed) const {
    const auto most = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (std::chrono::steady_clock::now() < most) {
      const nlohmann::json requests = Requests();
      if (requests.size() > n && (!closed || requests[n].contains("closed_ns"))) return requests[n];
      usleep(10'000);
    }
    ADD_FAILURE() << "request " << n << (closed ? " was not broken off" : " did not come");
    return nlohmann::json::object();
  }

 private:
  static std::string Variable(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
  }

  pid_t pid_ = -1;
  int stdin_ = -1;
  nlohmann::json addresses_;
};

}  // namespace rerankd
