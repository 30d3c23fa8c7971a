// What calls to a provider tell of themselves while they go.
#pragma once

#include "providers/circuit_breaker.h"
#include "util/clock.h"

namespace rerankd {

// Does nothing itself; who counts overrides. Called on the threads of calls: must be safe for
// concurrent use, must not block, throw, or call back.
class ProviderRecorder {
 public:
  virtual ~ProviderRecorder() = default;

  // So many calls more (negative: fewer) wait for their turn with the key, or for an answer.
  virtual void WaitingChanged(int /*calls*/) {}
  virtual void RunningChanged(int /*calls*/) {}

  // A call waited so long for its turn, whether it came or not.
  virtual void KeyWaitEnded(Duration /*waited*/) {}

  // `http_status` 0: there was no answer. One that was hedged is one request.
  virtual void RequestEnded(int /*http_status*/, Duration /*took*/) {}
  virtual void Retried() {}
  virtual void Hedged() {}

  virtual void BreakerChanged(CircuitBreaker::State /*state*/) {}
  // A call was not sent because of the breaker.
  virtual void BreakerRefused() {}

  // A call ended for which nobody waits any more, before or after it was first sent. `expired`: its
  // deadline passed; else its caller went away.
  virtual void CallAbandoned(bool /*sent*/, bool /*expired*/) {}
};

}  // namespace rerankd
