// What the engine tells of its work while it works.
#pragma once

#include <cstddef>
#include <cstdint>

#include "util/clock.h"

namespace rerankd {

// Does nothing itself; who counts overrides. Called on the threads of calls and sessions: must be
// safe for concurrent use, must not block, throw, or call back. Several engines may have one
// recorder, in a row or at once (a model that is loaded again, and the old one).
class EngineRecorder {
 public:
  virtual ~EngineRecorder() = default;

  // So many documents were admitted (negative: left, answered or not). The sum is what waits or is
  // computed, bounded by EngineOptions::max_queued_documents.
  virtual void QueueChanged(int64_t /*documents*/) {}

  // So many sessions more (negative: fewer) there are, and of those compute.
  virtual void SessionsChanged(int /*sessions*/) {}
  virtual void BusySessionsChanged(int /*sessions*/) {}

  struct Batch {
    size_t sequences = 0;
    size_t tokens = 0;  // special ones included; all of them are computed, there is no padding
    Duration compute{};
  };
  // Whether it succeeded or not.
  virtual void BatchFinished(const Batch& /*batch*/) {}

  // A call ended for which nobody waits any more: before any of it was computed, or after some of
  // it was. `expired`: its deadline passed; else its caller went away.
  virtual void CallAbandoned(bool /*computed*/, bool /*expired*/) {}
};

}  // namespace rerankd
