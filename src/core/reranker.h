// The seam that carries the product: whatever scores documents against a query.
#pragma once

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "core/types.h"

namespace rerankd {

// Implementations are safe for concurrent use.
class Reranker {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<RerankResult>) &&>;

  virtual ~Reranker() = default;

  // Starts one request and returns quickly. `done` runs exactly once, possibly before Rerank()
  // returns, on any thread; it must not block. Past `request.deadline`, or once it is cancelled,
  // queued work is dropped with DEADLINE_EXCEEDED or CANCELLED.
  virtual void Rerank(RerankRequest request, Done done) = 0;
};

}  // namespace rerankd
