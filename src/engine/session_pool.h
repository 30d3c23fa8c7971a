// The threads that compute.
#pragma once

#include <thread>
#include <vector>

#include "engine/dynamic_batcher.h"
#include "engine/engine_recorder.h"
#include "engine/scorer.h"

namespace rerankd {

// `sessions` threads, each pulling batches and running them through the shared scorer until the
// batcher is closed. Several sessions of one thread beat one of several threads wherever cores are
// shared with others: barriers inside a matrix product spin while a core is taken.
class SessionPool {
 public:
  // REQUIRES: `batcher`, `scorer` and `recorder` outlive the pool; sessions >= 1.
  SessionPool(int sessions, DynamicBatcher& batcher, Scorer& scorer, EngineRecorder& recorder);
  // Closes the batcher, lets running batches finish, joins.
  ~SessionPool();

 private:
  void Loop();

  DynamicBatcher& batcher_;
  Scorer& scorer_;
  EngineRecorder& recorder_;
  std::vector<std::jthread> threads_;
};

// Runs one batch and gives each job its row, or the error. Exposed for tests.
void RunBatch(const DynamicBatcher::Batch& batch, Scorer& scorer);

}  // namespace rerankd
