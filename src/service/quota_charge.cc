#include "service/quota_charge.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "core/errors.h"

namespace rerankd {

double EstimateTokens(const RerankRequest& request, size_t max_tokens) {
  constexpr double kBytesPerToken = 4;
  double tokens = 0;
  for (const std::string& document : request.documents) {
    const double pair =
        1 + static_cast<double>(request.query.size() + document.size()) / kBytesPerToken;
    tokens += max_tokens > 0 ? std::min(pair, static_cast<double>(max_tokens)) : pair;
  }
  return tokens;
}

absl::Status QuotaCharge::Begin(const Caller& caller, const RerankRequest& request,
                                const ManagedModel& model, TimePoint now) {
  if (caller.quota == nullptr) return absl::OkStatus();
  const double estimate = EstimateTokens(request, model.status().info.max_tokens);
  if (const auto wait = caller.quota->Take(estimate, now)) {
    return WithReason(
        RetryLater(fmt::format("{} has used up its quota of tokens; retry later", caller.tenant),
                   std::chrono::ceil<std::chrono::milliseconds>(*wait)),
        "QUOTA_EXCEEDED");
  }
  quota_ = caller.quota;
  estimate_ = estimate;
  return absl::OkStatus();
}

void QuotaCharge::End(const absl::StatusOr<RerankResult>& result, TimePoint now) {
  if (quota_ == nullptr) return;
  double cost = 0;
  if (result.ok()) {
    const auto told = static_cast<double>(result->usage.total_tokens);
    cost = told > 0 || result->documents.empty() ? told : estimate_;
  } else if (result.status().code() == absl::StatusCode::kCancelled ||
             result.status().code() == absl::StatusCode::kDeadlineExceeded) {
    cost = estimate_;
  }
  quota_->GiveBack(estimate_ - cost, now);
}

}  // namespace rerankd
