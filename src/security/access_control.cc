#include "security/access_control.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/errors.h"
#include "util/file.h"
#include "util/status_macros.h"

namespace rerankd {
namespace {

constexpr size_t kMaxFileBytes = size_t{1} << 20;

absl::Status Unauthenticated() {
  return WithReason(
      absl::UnauthenticatedError("this server takes calls with one of its API keys only: send "
                                 "\"authorization: Bearer KEY\" or \"x-api-key: KEY\" as metadata"),
      "API_KEY_REQUIRED");
}

}  // namespace

std::optional<Duration> TenantQuota::Take(double tokens, TimePoint now) {
  const MutexLock lock(mutex_);
  return bucket_.Take(tokens, now);
}

void TenantQuota::GiveBack(double tokens, TimePoint now) {
  const MutexLock lock(mutex_);
  bucket_.GiveBack(tokens, now);
}

void TenantQuota::SetRate(TokenRate rate, TimePoint now) {
  const MutexLock lock(mutex_);
  if (bucket_.rate() != rate) bucket_.SetRate(rate, now);
}

bool TenantQuota::IsFull(TimePoint now) {
  const MutexLock lock(mutex_);
  return bucket_.IsFull(now);
}

absl::StatusOr<std::unique_ptr<AccessControl>> AccessControl::Open(
    const std::filesystem::path& file, ReloadListener listener, TimePoint now) {
  std::unique_ptr<AccessControl> out(new AccessControl);
  RERANKD_ASSIGN_OR_RETURN(
      out->callers_,
      Reloaded<Callers>::Open(
          {file}, [self = out.get(), file](TimePoint when) { return self->Load(file, when); },
          std::move(listener), now));
  return out;
}

absl::StatusOr<AccessControl::Callers> AccessControl::Load(const std::filesystem::path& file,
                                                           TimePoint now) {
  const absl::StatusOr<std::string> text = ReadFile(file, kMaxFileBytes);
  if (!text.ok()) {
    return absl::FailedPreconditionError(
        fmt::format("keys_file {}", std::string(text.status().message())));
  }
  absl::StatusOr<std::vector<ApiKey>> keys = ParseApiKeys(*text);
  if (!keys.ok()) {
    return absl::FailedPreconditionError(
        fmt::format("keys_file {}: {}", file.string(), std::string(keys.status().message())));
  }
  Callers callers{.keys = *std::move(keys)};
  const MutexLock lock(mutex_);
  for (const ApiKey& key : callers.keys) {
    if (key.rate.per_second == 0) continue;
    std::shared_ptr<TenantQuota>& quota = callers.quotas[key.tenant];
    if (quota != nullptr) continue;
    if (const auto known = quotas_.find(key.tenant); known != quotas_.end()) {
      quota = known->second;
      quota->SetRate(key.rate, now);
    } else {
      quota = std::make_shared<TenantQuota>(key.rate, now);
    }
  }
  // A quota that is full is like a new one, so that those of tenants who are gone do not pile up.
  std::erase_if(quotas_, [now](const auto& known) { return known.second->IsFull(now); });
  for (const auto& [tenant, quota] : callers.quotas) quotas_[tenant] = quota;
  return callers;
}

absl::StatusOr<Caller> AccessControl::Identify(std::string_view key, TimePoint now) {
  const std::shared_ptr<const Callers> callers = callers_->Get(now);
  const ApiKey* const found = FindApiKey(callers->keys, HashOf(key));
  if (found == nullptr || key.empty()) return Unauthenticated();
  const auto quota = callers->quotas.find(found->tenant);
  return Caller{.tenant = found->tenant,
                .admin = found->admin,
                .quota = quota == callers->quotas.end() ? nullptr : quota->second};
}

std::string_view KeyInMetadata(std::string_view authorization, std::string_view x_api_key) {
  constexpr std::string_view kBearer = "bearer ";
  const bool is_bearer =
      authorization.size() > kBearer.size() &&
      std::ranges::equal(authorization.substr(0, kBearer.size()), kBearer, [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
      });
  return is_bearer ? authorization.substr(kBearer.size()) : x_api_key;
}

}  // namespace rerankd
