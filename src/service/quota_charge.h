// What one call takes from its tenant's quota.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "core/types.h"
#include "lifecycle/managed_model.h"
#include "security/access_control.h"
#include "util/clock.h"

namespace rerankd {

// The tokens that a model reads for `request`, about: a token for every four bytes of query and
// document, once for each document, and no more than `max_tokens` (0: not known) of a pair.
double EstimateTokens(const RerankRequest& request, size_t max_tokens);

// An estimate is taken when the call begins, and made good when it has ended:
// - answered: it cost what the model read (TokenUsage::total_tokens); the estimate, where a hosted
//   model does not tell;
// - refused or failed: nothing;
// - given up by its caller, or past its deadline: the estimate, since much of it may have been
//   computed. Else whoever gives up in time would compute for nothing.
// Used by one thread at a time.
class QuotaCharge {
 public:
  // RESOURCE_EXHAUSTED with a RetryInfo when the tenant has nothing left.
  absl::Status Begin(const Caller& caller, const RerankRequest& request, const ManagedModel& model,
                     TimePoint now);
  void End(const absl::StatusOr<RerankResult>& result, TimePoint now);

 private:
  std::shared_ptr<TenantQuota> quota_;  // null: no limit
  double estimate_ = 0;
};

}  // namespace rerankd
