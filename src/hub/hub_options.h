// Where models come from and where they are kept.
#pragma once

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"
#include "hub/retry_policy.h"
#include "util/environment.h"
#include "util/secret.h"

namespace rerankd {

struct HubOptions {
  std::filesystem::path cache_dir;  // models--org--name folders are in here
  std::string endpoint = "https://huggingface.co";
  Secret token;                   // empty: ask without one
  bool offline = false;           // never ask the hub
  std::filesystem::path ca_file;  // the certificates to trust; empty: the system's
  int parallel_downloads = 4;
  RetryPolicy retry;
};

// What the environment says, by the names and the precedence of huggingface_hub: HF_HUB_CACHE
// (older: HUGGINGFACE_HUB_CACHE), HF_HOME, XDG_CACHE_HOME; HF_ENDPOINT; HF_TOKEN, HF_TOKEN_PATH (a
// file); HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE; and OpenSSL's SSL_CERT_FILE. An empty variable
// counts as unset. Reads the token's file. INVALID_ARGUMENT names the variable that cannot be used.
absl::StatusOr<HubOptions> HubOptionsFromEnvironment(const EnvironmentLookup& lookup);

}  // namespace rerankd
