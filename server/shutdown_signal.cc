#include "server/shutdown_signal.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
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

ShutdownSignal::ShutdownSignal() {
  const sigset_t set = Signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC);
  stop_ = eventfd(0, EFD_CLOEXEC);
  // Neither fails but for want of file descriptors, and then nothing else would work.
  if (signals_ < 0 || stop_ < 0) std::abort();
  watcher_ = std::jthread([this] { Loop(); });
}

ShutdownSignal::~ShutdownSignal() {
  eventfd_write(stop_, 1);
  watcher_.join();
  close(signals_);
  close(stop_);
}

void ShutdownSignal::Arm() {
  MutexLock lock(mutex_);
  armed_ = true;
}

int ShutdownSignal::Wait() {
  MutexLock lock(mutex_);
  while (received_ == 0) changed_.Wait(mutex_);
  return received_;
}

void ShutdownSignal::Loop() {
  pollfd watched[] = {{signals_, POLLIN, 0}, {stop_, POLLIN, 0}};
  while (true) {
    if (poll(watched, 2, -1) < 0) continue;
    if (watched[1].revents != 0) return;
    signalfd_siginfo info{};
    if (read(signals_, &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) continue;
    const int signal = static_cast<int>(info.ssi_signo);
    MutexLock lock(mutex_);
    // No destructor, no flush: the user wants it gone, whatever it hangs on.
    if (!armed_ || received_ != 0) std::_Exit(128 + signal);
    received_ = signal;
    changed_.NotifyAll();
  }
}

}  // namespace rerankd
