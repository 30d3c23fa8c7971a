#include "server/shutdown_signal.h"

#include <csignal>
#include <cstdlib>

namespace rerankd {
namespace {

sigset_t Signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

ShutdownSignal::ShutdownSignal() : watcher_(Signals(), [this](int signal) { Receive(signal); }) {}

void ShutdownSignal::Arm() {
  MutexLock lock(mutex_);
  armed_ = true;
}

int ShutdownSignal::Wait() {
  MutexLock lock(mutex_);
  while (received_ == 0) changed_.Wait(mutex_);
  return received_;
}

void ShutdownSignal::Receive(int signal) {
  MutexLock lock(mutex_);
  // No destructor, no flush: the user wants it gone, whatever it hangs on.
  if (!armed_ || received_ != 0) std::_Exit(128 + signal);
  received_ = signal;
  changed_.NotifyAll();
}

}  // namespace rerankd
