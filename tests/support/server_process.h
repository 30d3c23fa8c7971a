// A program in a process of its own, watched from outside: its output, its end, its signals.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "util/mutex.h"

namespace rerankd {

class Process {
 public:
  // How long anything a test waits for may take before it counts as a hang.
  static constexpr std::chrono::seconds kPatience{120};

  // Starts `program` with `arguments` and, on top of this process's environment, `environment`
  // ("NAME=value"). Once its output holds `stop_reading_after`, the pipe is closed on it.
  Process(const std::string& program, std::vector<std::string> arguments,
          const std::vector<std::string>& environment = {}, std::string stop_reading_after = "")
      : stop_reading_after_(std::move(stop_reading_after)) {
    arguments.insert(arguments.begin(), program);
    std::vector<std::string> variables = environment;
    for (char** variable = environ; *variable != nullptr; ++variable) {
      // Not the settings of a server of the tester's own. The first of a name is the one found.
      if (!std::string_view(*variable).starts_with("RERANKD_")) variables.emplace_back(*variable);
    }
    int out[2];
    int err[2];
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) std::abort();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
    const int error = posix_spawn(&pid_, program.c_str(), &actions, nullptr,
                                  Pointers(arguments).data(), Pointers(variables).data());
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    close(err[1]);
    if (error != 0) {
      ADD_FAILURE() << "cannot start " << program << ": error " << error;
      std::abort();
    }
    out_.reader = std::jthread([this, fd = out[0]] { Read(fd, out_); });
    err_.reader = std::jthread([this, fd = err[0]] { Read(fd, err_); });
  }
  // Kills what still runs.
  ~Process() {
    if (status_.has_value()) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int number) const { kill(pid_, number); }

  // Waits for the end; the exit status, or 128 + the signal's number. A process that does not end
  // is killed, which fails the test.
  int Wait() {
    if (!status_.has_value()) {
      if (!WaitFor([this]() RERANKD_REQUIRES(mutex_) { return out_.closed && err_.closed; })) {
        ADD_FAILURE() << "the process did not end; its output:\n" << out() << err();
        kill(pid_, SIGKILL);
      }
      int status = 0;
      waitpid(pid_, &status, 0);
      status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    return *status_;
  }

  // Waits until stdout holds `text`; false when it never will.
  bool WaitForOutput(std::string_view text) {
    WaitFor([&]() RERANKD_REQUIRES(mutex_) {
      return out_.closed || out_.text.find(text) != std::string::npos;
    });
    return out().find(text) != std::string::npos;
  }

  std::string out() const {
    const MutexLock lock(mutex_);
    return out_.text;
  }
  std::string err() const {
    const MutexLock lock(mutex_);
    return err_.text;
  }

 private:
  struct Stream {
    std::string text;
    bool closed = false;
    std::jthread reader;
  };

  static std::vector<char*> Pointers(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (std::string& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
  }

  void Read(int fd, Stream& stream) {
    char buffer[4096];
    ssize_t size = 0;
    while ((size = read(fd, buffer, sizeof(buffer))) > 0) {
      const MutexLock lock(mutex_);
      stream.text.append(buffer, static_cast<size_t>(size));
      changed_.NotifyAll();
      if (!stop_reading_after_.empty() &&
          stream.text.find(stop_reading_after_) != std::string::npos) {
        break;
      }
    }
    close(fd);
    const MutexLock lock(mutex_);
    stream.closed = true;
    changed_.NotifyAll();
  }

  template <typename Condition>
  bool WaitFor(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    const MutexLock lock(mutex_);
    while (!condition()) {
      if (std::chrono::steady_clock::now() >= deadline) return false;
      changed_.WaitUntil(mutex_, deadline);
    }
    return true;
  }

  const std::string stop_reading_after_;
  pid_t pid_ = -1;
  std::optional<int> status_;
  mutable Mutex mutex_;
  CondVar changed_;
  // Guarded by mutex_, but for the threads.
  Stream out_;
  Stream err_;
};

// The server itself, on a free port of loopback unless `arguments` say otherwise.
class ServerProcess : public Process {
 public:
  explicit ServerProcess(std::vector<std::string> arguments,
                         const std::vector<std::string>& environment = {},
                         std::string stop_reading_after = "")
      : Process(Program(), WithFreePort(std::move(arguments)), environment,
                std::move(stop_reading_after)) {}

  // Waits until the server accepts calls and returns its address; "" when it does not, which fails
  // the test.
  std::string Address() {
    constexpr std::string_view kServing = "serving: address=";
    if (!WaitForOutput(kServing) || !WaitForOutput("start_ms=")) {
      ADD_FAILURE() << "the server did not start: " << err() << "\n" << out();
      return "";
    }
    const std::string text = out();
    const size_t begin = text.find(kServing) + kServing.size();
    return text.substr(begin, text.find(' ', begin) - begin);
  }

  static std::string Program() { return Variable("RERANKD_PROGRAM"); }

  // Set by CMake for every test.
  static std::string Variable(const char* name) {
    const char* const value = std::getenv(name);
    if (value == nullptr) {
      ADD_FAILURE() << name << " is not set; run the test through ctest";
      std::abort();
    }
    return value;
  }

 private:
  static std::vector<std::string> WithFreePort(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--listen", "127.0.0.1:0"});
    return arguments;
  }
};

}  // namespace rerankd
