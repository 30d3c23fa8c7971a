#include "engine/job.h"

#include <algorithm>
#include <utility>

namespace rerankd {

Job::Job(Spec spec, size_t width, Done done)
    : spec_(std::move(spec)),
      width_(width),
      rows_(spec_.sequences.size() * width),
      missing_(spec_.sequences.size()),
      done_(std::move(done)) {}

void Job::MarkStarted(TimePoint now) {
  Duration::rep none = 0;
  started_.compare_exchange_strong(none, now.time_since_epoch().count(), std::memory_order_relaxed);
}

void Job::StoreRow(uint32_t sequence, std::span<const float> row, TimePoint now) {
  std::copy(row.begin(), row.end(), rows_.begin() + static_cast<std::ptrdiff_t>(sequence * width_));
  // acq_rel: the last one sees every other session's row.
  if (missing_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (finished_.exchange(true, std::memory_order_acq_rel)) return;
  const TimePoint started = started_at();
  Output output{
      .rows = std::move(rows_), .queue = started - spec_.arrival, .compute = now - started};
  std::move(done_)(*this, std::move(output));
}

void Job::Fail(absl::Status status) {
  if (finished_.exchange(true, std::memory_order_acq_rel)) return;
  std::move(done_)(*this, std::move(status));
}

}  // namespace rerankd
