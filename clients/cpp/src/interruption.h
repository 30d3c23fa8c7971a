// Ctrl-C as a wish to stop, for a command that has something to show when it is stopped.
#pragma once

#include <atomic>
#include <csignal>
#include <optional>
#include <stop_token>

#include "util/signal_watcher.h"

namespace rerankd::client {

// From its making on, the first SIGINT or SIGTERM stops the token; the second ends the process at
// once with 128 + its number, whatever hangs. A signal that the process was started to ignore (as
// in the background of a script) stays ignored. Destroyed: as before.
// REQUIRES: made before any other thread, which would not know that the signals are ours.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  std::stop_token token() const { return stop_.get_token(); }
  int signal() const { return received_; }  // the first one; 0: none came. Safe at any time.

 private:
  sigset_t mask_before_{};
  std::stop_source stop_;
  std::atomic<int> received_ = 0;
  std::optional<SignalWatcher> watcher_;
};

}  // namespace rerankd::client
