#include "server/memory_warning.h"

#include <fmt/format.h>

namespace rerankd {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
// What computing takes beside the weights, measured with batches of the default size
// (docs/BENCHMARKS.md, start and memory): intermediate results and what the allocator keeps of
// them, a session.
constexpr uint64_t kSessionBytes = 64 * kMiB;

}  // namespace

std::optional<std::string> MemoryWarning(const MemoryNeeds& needs) {
  const uint64_t computing = needs.sessions * kSessionBytes;
  const uint64_t wanted = needs.in_use + needs.weights + computing;
  if (wanted <= needs.available) return std::nullopt;
  return fmt::format(
      "may not fit into memory: {} MiB are in use, the weights take about {} MiB and computing "
      "with "
      "{} sessions about {} MiB, but the limit is {} MiB; raise the limit to {} MiB, lower "
      "engine.sessions, or serve a smaller model",
      needs.in_use / kMiB, needs.weights / kMiB, needs.sessions, computing / kMiB,
      needs.available / kMiB, (wanted + kMiB - 1) / kMiB);
}

}  // namespace rerankd
