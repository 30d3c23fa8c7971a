#include "engine/session_pool.h"

#include <chrono>
#include <exception>
#include <new>
#include <span>
#include <string>
#include <utility>

namespace rerankd {
namespace {

absl::StatusOr<std::vector<float>> ScoreWithoutThrowing(
    Scorer& scorer, std::span<const Encoding* const> sequences) {
  try {
    return scorer.Score(sequences);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory while scoring");
  } catch (const std::exception& error) {
    return absl::InternalError(std::string("the scorer threw: ") + error.what());
  }
}

}  // namespace

void RunBatch(const DynamicBatcher::Batch& batch, Scorer& scorer) {
  std::vector<const Encoding*> sequences;
  sequences.reserve(batch.items.size());
  const TimePoint start = std::chrono::steady_clock::now();
  for (const DynamicBatcher::Batch::Item& item : batch.items) {
    item.job->MarkStarted(start);
    sequences.push_back(&item.job->spec().sequences[item.sequence]);
  }
  absl::StatusOr<std::vector<float>> rows = ScoreWithoutThrowing(scorer, sequences);
  const size_t width = scorer.width();
  if (rows.ok() && rows->size() != sequences.size() * width) {
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

SessionPool::SessionPool(int sessions, DynamicBatcher& batcher, Scorer& scorer)
    : batcher_(batcher), scorer_(scorer) {
  threads_.reserve(static_cast<size_t>(sessions));
  for (int i = 0; i < sessions; ++i) threads_.emplace_back([this] { Loop(); });
}

SessionPool::~SessionPool() {
  batcher_.Close();
  threads_.clear();
}

void SessionPool::Loop() {
  scorer_.PrepareThread();
  for (;;) {
    const DynamicBatcher::Batch batch = batcher_.Next();
    if (batch.items.empty()) return;
    const TimePoint start = std::chrono::steady_clock::now();
    RunBatch(batch, scorer_);
    batcher_.Finished(batch, std::chrono::steady_clock::now() - start);
  }
}

}  // namespace rerankd
