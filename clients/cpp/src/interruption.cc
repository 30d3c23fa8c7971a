#include "interruption.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdlib>

namespace rerankd::client {
namespace {

sigset_t SignalsToWatch() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction now{};
    if (sigaction(signal, nullptr, &now) == 0 && now.sa_handler != SIG_IGN) sigaddset(&set, signal);
  }
  return set;
}

}  // namespace

Interruption::Interruption() {
  const sigset_t set = SignalsToWatch();
  pthread_sigmask(SIG_BLOCK, &set, &mask_before_);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC);
  done_ = eventfd(0, EFD_CLOEXEC);
  // Neither fails but for want of file descriptors, and then nothing else would work.
  if (signals_ < 0 || done_ < 0) std::abort();
  watcher_ = std::jthread([this] { Watch(); });
}

Interruption::~Interruption() {
  eventfd_write(done_, 1);
  watcher_.join();
  close(signals_);
  close(done_);
  pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

void Interruption::Watch() {
  pollfd watched[] = {{signals_, POLLIN, 0}, {done_, POLLIN, 0}};
  while (true) {
    if (poll(watched, 2, -1) < 0) continue;
    if (watched[1].revents != 0) return;
    signalfd_siginfo info{};
    if (read(signals_, &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) continue;
    const int signal = static_cast<int>(info.ssi_signo);
    if (received_ != 0) std::_Exit(128 + signal);
    received_ = signal;
    stop_.request_stop();
  }
}

}  // namespace rerankd::client
