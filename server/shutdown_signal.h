// SIGTERM and SIGINT as something to wait for.
#pragma once

#include "util/mutex.h"
#include "util/signal_watcher.h"

namespace rerankd {

// Takes both signals over from construction on. Create one, before any other thread starts: they
// inherit that the signals are blocked, so that none of them is ever interrupted.
//
// The first signal after Arm() ends Wait(); before Arm(), while there is nothing to drain, and from
// the second on it ends the process at once with status 128 + the signal's number.
class ShutdownSignal {
 public:
  ShutdownSignal();
  ShutdownSignal(const ShutdownSignal&) = delete;
  ShutdownSignal& operator=(const ShutdownSignal&) = delete;

  void Arm() RERANKD_EXCLUDES(mutex_);
  // Blocks until the first signal; returns its number.
  int Wait() RERANKD_EXCLUDES(mutex_);

 private:
  void Receive(int signal) RERANKD_EXCLUDES(mutex_);

  Mutex mutex_;
  CondVar changed_;
  bool armed_ RERANKD_GUARDED_BY(mutex_) = false;
  int received_ RERANKD_GUARDED_BY(mutex_) = 0;
  SignalWatcher watcher_;  // the last: it calls Receive()
};

}  // namespace rerankd
