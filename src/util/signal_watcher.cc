#include "util/signal_watcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace rerankd {

SignalWatcher::SignalWatcher(const sigset_t& signals, std::function<void(int)> on_signal)
    : on_signal_(std::move(on_signal)) {
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signals_ = signalfd(-1, &signals, SFD_CLOEXEC);
  done_ = eventfd(0, EFD_CLOEXEC);
  // Neither fails but for want of file descriptors, and then nothing else would work.
  if (signals_ < 0 || done_ < 0) std::abort();
  watcher_ = std::jthread([this] { Watch(); });
}

SignalWatcher::~SignalWatcher() {
  eventfd_write(done_, 1);
  watcher_.join();
  close(signals_);
  close(done_);
}

void SignalWatcher::Watch() {
  pollfd watched[] = {{signals_, POLLIN, 0}, {done_, POLLIN, 0}};
  while (true) {
    if (poll(watched, 2, -1) < 0) continue;
    if (watched[1].revents != 0) return;
    signalfd_siginfo info{};
    if (read(signals_, &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) continue;
    on_signal_(static_cast<int>(info.ssi_signo));
  }
}

}  // namespace rerankd
