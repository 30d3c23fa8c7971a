// Which calls are traced.
#pragma once

#include <cstdint>
#include <optional>

#include "observability/tracing/trace_context.h"

namespace rerankd {

// A caller that has a trace decides for its calls, so that a trace is whole or not there; of calls
// that begin one a share is taken. Immutable.
class Sampler {
 public:
  // `ratio` of the calls that begin a trace, 0 to 1.
  explicit Sampler(double ratio);

  bool Samples(const TraceContext& caller) const { return caller.sampled; }
  // By the id, the same for everybody who has this ratio. REQUIRES: the id is random.
  bool SamplesRoot(const TraceId& id) const;

 private:
  const uint64_t below_;
};

}  // namespace rerankd
