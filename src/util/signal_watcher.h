// SIGTERM and SIGINT as calls of a function.
#pragma once

#include <csignal>
#include <functional>
#include <thread>

namespace rerankd {

// From its making on, each of the signals calls `on_signal` with its number, one after the other on
// a thread of its own, and does nothing else. They stay blocked when it is destroyed. REQUIRES:
// made before any other thread, which would be interrupted instead.
class SignalWatcher {
 public:
  SignalWatcher(const sigset_t& signals, std::function<void(int)> on_signal);
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

 private:
  void Watch();

  const std::function<void(int)> on_signal_;
  int signals_ = -1;  // readable when a signal came
  int done_ = -1;     // readable once the destructor runs
  std::jthread watcher_;
};

}  // namespace rerankd
