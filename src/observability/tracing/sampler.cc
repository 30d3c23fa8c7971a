#include "observability/tracing/sampler.h"

#include <algorithm>
#include <cmath>

namespace rerankd {
namespace {

// The bytes at the end of an id that W3C has promise to be random.
constexpr size_t kRandomBytes = 7;
constexpr int kRandomBits = 8 * kRandomBytes;

}  // namespace

Sampler::Sampler(double ratio)
    : below_(static_cast<uint64_t>(std::ldexp(std::clamp(ratio, 0.0, 1.0), kRandomBits))) {}

bool Sampler::SamplesRoot(const TraceId& id) const {
  uint64_t random = 0;
  for (size_t i = id.size() - kRandomBytes; i < id.size(); ++i) random = random << 8U | id[i];
  return random < below_;
}

}  // namespace rerankd
