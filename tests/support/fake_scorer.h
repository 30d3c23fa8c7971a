// A scorer without a model: a pure function of the ids, so that any mix-up of sequences shows.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "engine/scorer.h"
#include "util/mutex.h"

namespace rerankd {

// FNV-1a over the ids, mapped to [-8, 8).
inline float TagOf(const Encoding& sequence) {
  uint64_t hash = 14695981039346656037U;
  for (const int32_t id : sequence.ids) {
    hash = (hash ^ static_cast<uint32_t>(id)) * 1099511628211U;
  }
  return static_cast<float>(hash >> 40U) / static_cast<float>(1U << 20U) - 8.0F;
}

// Yields TagOf() for every sequence, or what `override_score` returns. Records batch sizes.
class FakeScorer : public Scorer {
 public:
  using Score_ =
      std::function<absl::StatusOr<std::vector<float>>(std::span<const Encoding* const>)>;

  explicit FakeScorer(Score_ override_score = nullptr)
      : override_score_(std::move(override_score)) {}

  size_t width() const override { return 1; }

  absl::StatusOr<std::vector<float>> Score(std::span<const Encoding* const> batch) override {
    {
      MutexLock lock(mutex_);
      batches_.push_back(batch.size());
    }
    if (override_score_) return override_score_(batch);
    std::vector<float> scores;
    scores.reserve(batch.size());
    for (const Encoding* sequence : batch) scores.push_back(TagOf(*sequence));
    return scores;
  }

  std::vector<size_t> batches() const {
    MutexLock lock(mutex_);
    return batches_;
  }

 private:
  const Score_ override_score_;
  mutable Mutex mutex_;
  std::vector<size_t> batches_ RERANKD_GUARDED_BY(mutex_);
};

}  // namespace rerankd
