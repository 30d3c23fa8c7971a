#include "engine/session_pool.h"

#include <chrono>
#include <span>
#include <utility>

#include "util/no_throw.h"

namespace rerankd {

void RunBatch(const DynamicBatcher::Batch& batch, Scorer& scorer) {
  const TimePoint start = std::chrono::steady_clock::now();
  for (const DynamicBatcher::Batch::Item& item : batch.items) item.job->MarkStarted(start);
  absl::StatusOr<std::vector<float>> rows = WithoutThrowing([&] {
    std::vector<const Encoding*> sequences;
    sequences.reserve(batch.items.size());
    for (const DynamicBatcher::Batch::Item& item : batch.items) {
      sequences.push_back(&item.job->spec().sequences[item.sequence]);
    }
    return scorer.Score(sequences);
  });
  const size_t width = scorer.width();
  if (rows.ok() && rows->size() != batch.items.size() * width) {
    rows = absl::InternalError("the scorer returned a wrong number of scores");
  }
  const TimePoint end = std::chrono::steady_clock::now();
  for (size_t i = 0; i < batch.items.size(); ++i) {
    Job& job = *batch.items[i].job;
    if (rows.ok()) {
      job.StoreRow(batch.items[i].sequence, std::span(*rows).subspan(i * width, width), end);
    } else {
      job.Fail(rows.status());
    }
  }
}

SessionPool::SessionPool(int sessions, DynamicBatcher& batcher, Scorer& scorer,
                         EngineRecorder& recorder)
    : batcher_(batcher), scorer_(scorer), recorder_(recorder) {
  threads_.reserve(static_cast<size_t>(sessions));
  for (int i = 0; i < sessions; ++i) threads_.emplace_back([this] { Loop(); });
}

SessionPool::~SessionPool() {
  batcher_.Close();
  threads_.clear();
}

void SessionPool::Loop() {
  scorer_.PrepareThread();
  recorder_.SessionsChanged(1);
  for (;;) {
    const DynamicBatcher::Batch batch = batcher_.Next();
    if (batch.items.empty()) break;
    const TimePoint start = std::chrono::steady_clock::now();
    recorder_.BusySessionsChanged(1);
    RunBatch(batch, scorer_);
    const Duration took = std::chrono::steady_clock::now() - start;
    batcher_.Finished(batch, took);
    recorder_.BatchFinished(
        {.sequences = batch.items.size(), .tokens = batch.tokens, .compute = took});
    recorder_.BusySessionsChanged(-1);
  }
  recorder_.SessionsChanged(-1);
}

}  // namespace rerankd
