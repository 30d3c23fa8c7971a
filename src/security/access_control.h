// Who calls, and whether it may: API keys and the quotas of their tenants.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "security/api_keys.h"
#include "security/reloaded.h"
#include "security/token_bucket.h"
#include "util/clock.h"
#include "util/mutex.h"

namespace rerankd {

// A tenant's TokenBucket. Safe for concurrent use.
class TenantQuota {
 public:
  TenantQuota(TokenRate rate, TimePoint now) : bucket_(rate, now) {}

  // As of TokenBucket.
  std::optional<Duration> Take(double tokens, TimePoint now) RERANKD_EXCLUDES(mutex_);
  void GiveBack(double tokens, TimePoint now) RERANKD_EXCLUDES(mutex_);
  void SetRate(TokenRate rate, TimePoint now) RERANKD_EXCLUDES(mutex_);
  bool IsFull(TimePoint now) RERANKD_EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  TokenBucket bucket_ RERANKD_GUARDED_BY(mutex_);
};

// Whose call it is.
struct Caller {
  std::string tenant;                  // empty: the server asks for no keys
  bool admin = false;                  // whether it may load and unload models
  std::shared_ptr<TenantQuota> quota;  // null: no limit
};

// The callers that a file of keys (ParseApiKeys()) lets in. It is read again when it changes;
// balances survive that, also of a tenant that is taken out and put back. Safe for concurrent use.
class AccessControl {
 public:
  // FAILED_PRECONDITION names the file and what is wrong with it, in one line.
  static absl::StatusOr<std::unique_ptr<AccessControl>> Open(const std::filesystem::path& file,
                                                             ReloadListener listener,
                                                             TimePoint now);

  // UNAUTHENTICATED, in the same words whether `key` is empty or wrong.
  absl::StatusOr<Caller> Identify(std::string_view key, TimePoint now);

 private:
  using Quotas = std::map<std::string, std::shared_ptr<TenantQuota>, std::less<>>;  // by tenant

  // What one state of the file says.
  struct Callers {
    std::vector<ApiKey> keys;
    Quotas quotas;
  };

  AccessControl() = default;
  absl::StatusOr<Callers> Load(const std::filesystem::path& file, TimePoint now)
      RERANKD_EXCLUDES(mutex_);

  Mutex mutex_;
  // Of the tenants of the last state that was read, and of earlier ones until what they have spent
  // has come back.
  Quotas quotas_ RERANKD_GUARDED_BY(mutex_);
  std::unique_ptr<Reloaded<Callers>> callers_;  // fixed once open
};

// The key in a call's metadata: what follows "Bearer " in `authorization`, else `x_api_key`. Empty:
// there is none.
std::string_view KeyInMetadata(std::string_view authorization, std::string_view x_api_key);

}  // namespace rerankd
