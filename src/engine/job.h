// One request inside the engine: its sequences, and the rows that come back for them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "tokenizer/encoding.h"
#include "util/clock.h"

namespace rerankd {

// Sessions fill in disjoint rows at the same time; whoever brings the last one, or the first error,
// runs the completion, exactly once. Shared by the batcher and the sessions through shared_ptr, so
// a batch may still be running when the job has already failed.
class Job {
 public:
  struct Output {
    std::vector<float> rows;  // [sequences, width]
    Duration queue{};         // from Spec::arrival until the first batch began
    Duration compute{};       // from there until the last row
  };
  // Told of the job itself, too, which lives at least until then.
  using Done = absl::AnyInvocable<void(const Job&, absl::StatusOr<Output>) &&>;

  struct Spec {
    std::vector<Encoding> sequences;  // not empty
    TimePoint arrival;
    TimePoint deadline = kNoDeadline;
    std::stop_token cancelled;
  };

  Job(Spec spec, size_t width, Done done);
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  const Spec& spec() const { return spec_; }

  // Notes that a batch with some of the job's sequences began. Thread-safe.
  void MarkStarted(TimePoint now);
  // Stores the row of one sequence. Thread-safe for different sequences; each is stored once.
  void StoreRow(uint32_t sequence, std::span<const float> row, TimePoint now);
  // Completes the job with an error; later rows and errors are ignored. Thread-safe.
  void Fail(absl::Status status);
  // Whether a batch with some of its sequences began, and when.
  bool started() const { return started_.load(std::memory_order_relaxed) != 0; }
  TimePoint started_at() const {
    return TimePoint{Duration(started_.load(std::memory_order_relaxed))};
  }
  bool finished() const { return finished_.load(std::memory_order_acquire); }

 private:
  const Spec spec_;
  const size_t width_;
  std::vector<float> rows_;
  std::atomic<size_t> missing_;
  std::atomic<Duration::rep> started_{0};  // since the clock's epoch; 0: not yet
  std::atomic<bool> finished_{false};
  Done done_;  // touched only by the thread that set finished_
};

}  // namespace rerankd
