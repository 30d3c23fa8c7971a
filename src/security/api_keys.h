// The keys that callers show, as the server knows them: by their hash.
//
// A key is 32 random bytes in base64url. Nobody can guess one, so its plain SHA-256 gives nothing
// away; a slow hash, which passwords need because people choose them, would only let whoever sends
// wrong keys keep our processors busy.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "security/token_bucket.h"
#include "util/secret.h"

namespace rerankd {

using KeyHash = std::array<uint8_t, 32>;

struct ApiKey {
  std::string tenant;  // whose key it is; several keys may be of one tenant
  KeyHash hash{};
  TokenRate rate;      // of all keys of the tenant together; 0 per second: no limit
  bool admin = false;  // whether it may load and unload models
};

KeyHash HashOf(std::string_view key);

// What the file of keys says, a key a line:
//
//   # tenant  hash of the key      what it may
//   search    sha256:9f86d081...   tokens_per_second=50000 burst=200000
//   operator  sha256:60303ae2...   admin
//
// INVALID_ARGUMENT names the line and what would be right, and never what the line holds. Lines of
// one tenant must agree in their rate, and no hash comes twice. Lines may end as on Windows, and a
// byte order mark of UTF-8 may come first. A text with comments only is right (nobody gets in); an
// empty one is not, since a file that is just being written looks so.
absl::StatusOr<std::vector<ApiKey>> ParseApiKeys(std::string_view text);

// The line of ParseApiKeys() for a key, without its end.
std::string FormatApiKey(const ApiKey& key);

// The key with this hash, or null. Takes as long whichever it is, and if it is none.
const ApiKey* FindApiKey(const std::vector<ApiKey>& keys, const KeyHash& hash);

// A new key, from the operating system's random numbers. INTERNAL when those cannot be had.
absl::StatusOr<Secret> MakeApiKey();

// INVALID_ARGUMENT: a tenant's name must be 1 to 64 letters, digits and . _ -
absl::Status CheckTenant(std::string_view name);

}  // namespace rerankd
