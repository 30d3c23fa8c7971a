#include "interruption.h"

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
  pthread_sigmask(SIG_BLOCK, nullptr, &mask_before_);
  watcher_.emplace(SignalsToWatch(), [this](int signal) {
    if (received_ != 0) std::_Exit(128 + signal);
    received_ = signal;
    stop_.request_stop();
  });
}

Interruption::~Interruption() {
  watcher_.reset();
  pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

}  // namespace rerankd::client
